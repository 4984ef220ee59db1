"""The main story in a real browser: from nothing to a file that is proven without the server."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Troubles, line_of, sign_in, upload
from tests.running_server import PASSWORD, Person, RunningServer

PROVEN_HERE = "Proven, under this server\u2019s own key"
CONTENT = bytes(range(256)) * 6000  # a little over one leaf of the default profile


def test_a_newcomer_signs_up_uploads_and_proves_the_file_with_the_network_off(
    open_context: Callable[..., BrowserContext],
    running_server: RunningServer,
    new_address: Callable[[], str],
    tmp_path: Path,
) -> None:
    context = open_context()
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail address").fill(new_address())
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Name").fill("Nora Newcomer")
    page.get_by_role("button", name="Create the account").click()

    enter_code(page, read_code(page))
    expect(page.get_by_role("heading", name="Your record is empty")).to_be_visible()
    expect(page.get_by_role("link", name="Account of Nora Newcomer")).to_be_visible()

    upload(page, "contract.pdf", CONTENT, "application/pdf")
    line = line_of(page, "contract.pdf")
    expect(line).to_contain_text("1.54 MB")
    expect(line).to_contain_text("application/pdf")
    expect(line).to_contain_text("Kept here")

    page.get_by_role("link", name="contract.pdf").click()
    expect(page.get_by_role("img", name=re.compile("root"))).to_be_visible()
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_role("heading", name=PROVEN_HERE)).to_be_visible()

    proof, file = tmp_path / "contract.tlog-proof", tmp_path / "contract.pdf"
    save(page, "Download proof", proof, named="contract.pdf.tlog-proof")
    save(page, "Download file", file, named="contract.pdf")
    assert file.read_bytes() == CONTENT

    with running_server.client() as client:
        key = client.get("/api/web3/log/key").text.strip()
    told = subprocess.run(
        [sys.executable, "-m", "chronicle", "verify", str(proof), str(file), "--key", key],
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout.decode()
    stranger = open_context().new_page()
    stranger.goto("/verify")
    stranger.get_by_label("A key that I have").check()
    stranger.get_by_label("Verifier key").fill(key)
    expect(stranger.get_by_text("A key of the ledger")).to_be_visible()
    stranger.context.set_offline(True)
    choose(stranger, "Choose the proof", proof)
    choose(stranger, "Choose the file", file)
    expect(stranger.get_by_text("Its content gives the CID in the entry")).to_be_visible()
    expect(stranger.get_by_role("heading", name="Proven", exact=True)).to_be_visible()
    expect(stranger.get_by_text("“contract.pdf” is entry №")).to_be_visible()


def test_a_tampered_proof_and_another_file_are_refused(
    page: Page, somebody: Person, tmp_path: Path
) -> None:
    sign_in(page, somebody)
    upload(page, "minutes.txt", b"We agreed on three things.")
    page.get_by_role("link", name="minutes.txt").click()
    sound, tampered = tmp_path / "sound.tlog-proof", tmp_path / "tampered.tlog-proof"
    save(page, "Download proof", sound, named="minutes.txt.tlog-proof")
    lines = sound.read_text().split("\n")
    number = next(at for at, line in enumerate(lines) if line.startswith("index "))
    lines[number] = f"index {int(lines[number].removeprefix('index ')) + 1}"
    tampered.write_text("\n".join(lines))
    other = tmp_path / "minutes.txt"
    other.write_bytes(b"We agreed on four things.")

    page.goto("/verify")
    choose(page, "Choose the proof", tampered)
    expect(page.get_by_role("heading", name="False: this does not hold")).to_be_visible()
    expect(page.locator(".verdict-head")).to_contain_text("not at this place")

    choose(page, "tampered.tlog-proof", sound)
    expect(page.get_by_role("heading", name="Proven")).to_be_visible()
    choose(page, "Choose the file", other)
    expect(page.get_by_role("heading", name="False: this does not hold")).to_be_visible()
    expect(page.locator(".verdict-head")).to_contain_text("its CID is another")
    page.get_by_role("button", name="Remove the file").click()
    expect(page.get_by_role("heading", name="Proven")).to_be_visible()

    choose(page, "sound.tlog-proof", other)
    expect(page.get_by_role("heading", name="Unreadable")).to_be_visible()


def test_a_proof_of_a_ledger_whose_key_is_not_trusted_is_not_proven(
    page: Page, somebody: Person, tmp_path: Path
) -> None:
    sign_in(page, somebody)
    upload(page, "letter.txt", b"Dear all,")
    page.get_by_role("link", name="letter.txt").click()
    proof = tmp_path / "letter.tlog-proof"
    save(page, "Download proof", proof, named="letter.txt.tlog-proof")
    page.goto("/verify")
    choose(page, "Choose the proof", proof)
    page.get_by_label("A key that I have").check()
    expect(page.get_by_role("heading", name="Not proven: the key is not trusted")).to_be_visible()
    page.get_by_label("Verifier key").fill("nonsense")
    expect(page.get_by_text("Not a key that can be used")).to_be_visible()


def test_the_whole_story_goes_without_a_mouse(
    page: Page, new_address: Callable[[], str], tmp_path: Path
) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Create an account")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Create an account").wait_for()
    tab_to(page, "E-mail address")
    page.keyboard.type(new_address())
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    code = read_code(page)
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(code)
    page.get_by_role("heading", name="Timeline").wait_for()

    tab_to(page, "Choose files")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([{"name": "k.txt", "mimeType": "text/plain", "buffer": b"keys only"}])
    expect(page.get_by_label("I understand")).to_be_focused()
    page.keyboard.press("Space")
    tab_to(page, "Upload in public")
    page.keyboard.press("Enter")
    line_of(page, "k.txt").get_by_text("№").wait_for()

    tab_to(page, "k.txt")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="k.txt").wait_for()
    page.get_by_role("img", name=re.compile("root")).wait_for()
    tab_to(page, "Verify now")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=PROVEN_HERE)).to_be_visible()


def test_a_wrong_code_says_how_many_guesses_are_left(
    page: Page, new_address: Callable[[], str], troubles: Troubles
) -> None:
    troubles.expected.append("status of 400")
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill(new_address())
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    code = read_code(page)
    wrong = ("0000" if code[:4] != "0000" else "1111") + code[4:]
    enter_code(page, wrong)
    expect(page.get_by_text("That is not the code. 4 guesses left.")).to_be_visible()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    enter_code(page, code.lower().replace("-", ""))
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def test_what_is_refused_stands_beside_its_field(page: Page, troubles: Troubles) -> None:
    troubles.expected.append("status of 422")
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill("nobody@")
    page.get_by_label("Password", exact=True).fill("too short")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("E-mail address")).to_be_focused()
    too_short = page.locator(".field-error", has_text="6 characters to go, of at least 15.")
    expect(too_short).to_be_visible()
    page.get_by_label("E-mail address").fill("two@signs@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    email = page.get_by_label("E-mail address")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_be_focused()
    described = email.get_attribute("aria-describedby")
    assert described
    assert page.locator(f"#{described.split()[-1]}").inner_text().strip()


def read_code(page: Page) -> str:
    """Open the outbox from the code page, in a tab of its own, and read the newest code."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the outbox").click()
    outbox = opened.value
    code = outbox.locator(".mail-code code").first.inner_text()
    outbox.close()
    page.bring_to_front()
    page.get_by_label("Code").focus()
    return code


def enter_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill("")
    page.get_by_label("Code").press_sequentially(code)


def save(page: Page, button: str, path: Path, *, named: str) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    assert download.value.suggested_filename == named
    download.value.save_as(path)


def choose(page: Page, button: str, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files(path)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called this."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(_NAME_OF_FOCUSED) == name:
            return
    raise AssertionError(f"Tab never reached {name!r}")


_NAME_OF_FOCUSED = """() => {
  const element = document.activeElement;
  const label = element.labels?.[0]?.textContent;
  return (label ?? element.getAttribute("aria-label") ?? element.textContent).trim();
}"""
