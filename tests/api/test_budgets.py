from chronicle.api.app import endpoints
from chronicle.api.openapi import describe_api

# Ending a session is never refused, and costs whoever has none nothing.
FREE = {"/api/auth/logout"}


def test_whatever_a_stranger_can_change_or_have_worked_out_costs_the_address() -> None:
    for endpoint in endpoints():
        # No stranger has a service key.
        known = endpoint.signed_in or endpoint.for_backends
        if known or endpoint.method == "GET" or endpoint.path in FREE:
            continue
        assert endpoint.budget is not None, endpoint.path
        assert endpoint.budget.address, endpoint.path


def test_reads_cost_nothing_so_that_they_never_ask_the_limiter() -> None:
    assert [each.path for each in endpoints() if each.method == "GET" and each.budget] == []


def test_the_document_says_which_routes_are_limited_and_how_they_say_so() -> None:
    document = describe_api(endpoints(), "http://localhost").decode()
    assert document.count('"RateLimit-Policy"') >= sum(
        endpoint.budget is not None for endpoint in endpoints()
    )
    for endpoint in endpoints():
        if endpoint.budget is not None:
            assert f"`{endpoint.budget.code}`" in document
