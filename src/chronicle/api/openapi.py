"""The OpenAPI 3.1 document, made from the declared routes and their types."""

import inspect
import re
import typing
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

import chronicle
from chronicle.api import fresh_sign_in, rate_limit
from chronicle.api.endpoint import Endpoint, Stream
from chronicle.api.problems import PROBLEMS, ProblemBody
from chronicle.security.challenges import LONGEST_SOLUTION

_REF = "#/components/schemas/{name}"
_NONE = type(None)

Json = dict[str, Any]

_LIMIT_HEADERS: Json = {
    name: {"description": meaning, "schema": {"type": "string"}}
    for name, meaning in rate_limit.DOCUMENTED.items()
}
_TEMPORARY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_RETRY_AFTER: Json = {
    "Retry-After": {
        "description": "In how many seconds to try again.",
        "schema": {"type": "integer"},
    }
}
_CHALLENGE: Json = {
    "name": "Chronicle-Challenge",
    "in": "header",
    "required": False,
    "description": (
        "The solution of a challenge of `/api/auth/challenge`, as JSON in base64; needed where the "
        "answer without it is `challenge_required`, and not looked at elsewhere. At most "
        f"{LONGEST_SOLUTION} characters."
    ),
    "schema": {"type": "string"},
}
_CHALLENGE_AT: Json = {
    "Chronicle-Challenge-At": {
        "description": "Where to get a challenge, if that is what is missing.",
        "schema": {"type": "string"},
    }
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request answers the first result again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def describe_api(endpoints: Sequence[Endpoint], base_url: str) -> bytes:
    """The document as JSON (OpenAPI 3.1.0)."""
    schemas, components = _schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        path = re.sub(r"{(\w+):path}", r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Chronicle",
            "version": chronicle.__version__,
            "description": inspect.getdoc(chronicle),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in endpoints)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "service_key": {"type": "http", "scheme": "bearer"},
            },
        },
    }
    return msgspec.json.encode(document)


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[Any, Json], Json]:
    types: list[Any] = [ProblemBody]
    for endpoint in endpoints:
        all_of_it = (endpoint.body, endpoint.answers, *endpoint.also_answers.values())
        types += [one for one in all_of_it if _has_schema(one)]
    unique = list(dict.fromkeys(types))
    found, components = msgspec.json.schema_components(unique, ref_template=_REF)
    return dict(zip(unique, found, strict=True)), components


def _has_schema(kind: Any) -> bool:
    return kind is not None and kind is not _NONE and kind is not Stream


def _operation(endpoint: Endpoint, schemas: dict[Any, Json]) -> Json:
    summary, _, description = (inspect.getdoc(endpoint.handler) or "").partition("\n\n")
    operation: Json = {
        "operationId": endpoint.handler.__name__,
        "tags": [endpoint.tag],
        "summary": " ".join(summary.split()),
        "responses": _responses(endpoint, schemas),
    }
    if description:
        operation["description"] = " ".join(description.split())
    parameters = _path_parameters(endpoint) + _query_parameters(endpoint)
    if endpoint.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    if endpoint.challenge is not None:
        parameters.append(_CHALLENGE)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not _NONE:
        operation["requestBody"] = _request_body(endpoint, schemas)
    if endpoint.signed_in:
        operation["security"] = [{"access_token": []}]
    if endpoint.for_backends:
        operation["security"] = [{"service_key": []}]
    return operation


def _request_body(endpoint: Endpoint, schemas: dict[Any, Json]) -> Json:
    schema = {} if endpoint.body is Stream else schemas[endpoint.body]
    return {
        "required": _NONE not in typing.get_args(endpoint.body),
        "content": {media_type: {"schema": schema} for media_type in endpoint.request_media},
    }


def _responses(endpoint: Endpoint, schemas: dict[Any, Json]) -> Json:
    responses: Json = {str(endpoint.status): _success(endpoint, endpoint.answers, schemas)}
    for status, when in endpoint.also.items():
        answers = endpoint.also_answers.get(status, endpoint.answers)
        bare = status == HTTPStatus.NOT_MODIFIED
        success = {} if bare else _success(endpoint, answers, schemas)
        responses[str(status)] = success | {"description": when}
    by_status: dict[int, list[str]] = {}
    for code in _codes(endpoint):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        schema = schemas[ProblemBody]
        responses[str(status)] = {
            "description": "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in codes),
            "content": {"application/problem+json": {"schema": schema}},
        }
        headers = _LIMIT_HEADERS if endpoint.budget is not None else {}
        if status in _TEMPORARY:
            headers = headers | _RETRY_AFTER
        if "challenge_required" in codes:
            headers = headers | _CHALLENGE_AT
        if headers:
            responses[str(status)]["headers"] = headers
    return responses


def _success(endpoint: Endpoint, answers: Any, schemas: dict[Any, Json]) -> Json:
    success: Json = {"description": "Done."}
    if answers is not None:
        schema = schemas.get(answers, {})
        success["content"] = {endpoint.media_type: {"schema": schema}}
    if endpoint.budget is not None:
        success["headers"] = _LIMIT_HEADERS
    return success


def _codes(endpoint: Endpoint) -> list[str]:
    """The codes that a route can answer: its own, and those that follow from what it takes."""
    codes = set(endpoint.problems) | {"internal_error", "invalid_request", "malformed_request"}
    codes |= {"too_many_requests", "address_blocked"}
    if endpoint.budget is not None:
        codes.add(endpoint.budget.code)
        if endpoint.budget.essential:
            codes.add("unavailable")
    if endpoint.challenge is not None:
        codes |= {"challenge_required", "challenge_invalid"}
    if endpoint.signed_in:
        codes |= {"invalid_token", "unavailable"}
    if endpoint.for_backends:
        codes |= {"invalid_service_key", "unavailable"}
    if endpoint.fresh:
        codes.add(fresh_sign_in.CODE)
    if endpoint.body is not _NONE:
        codes |= {"too_large", "too_slow", "cut_off", "unsupported_media_type"}
        codes.add("too_many_at_once")
        if endpoint.body is not Stream:
            codes.add("invalid_json")
    if "{" in endpoint.path:
        codes.add("not_found")
    return sorted(codes)


def _path_parameters(endpoint: Endpoint) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::path)?}", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[Json]:
    if endpoint.query is _NONE:
        return []
    schema = msgspec.json.schema(endpoint.query, ref_template=_REF)
    fields = schema["$defs"][endpoint.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in fields.get("required", []), "schema": one}
        for name, one in fields["properties"].items()
    ]
