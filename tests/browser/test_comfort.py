"""What people need who are dizzied by motion, or see little contrast."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.running_server import PASSWORD, Person

# Whatever moves for longer than a hundredth of a second.
_MOVING = """() => [...document.querySelectorAll("*")]
  .flatMap((one) => [null, "::before", "::after"].map((part) => [one, getComputedStyle(one, part)]))
  .filter(([one, style]) => {
    const seconds = style.transitionDuration.split(",");
    if (style.animationName !== "none") {
      seconds.push(...style.animationDuration.split(","));
      if (style.animationIterationCount.includes("infinite")) return true;
    }
    return seconds.some((each) => parseFloat(each) > 0.01);
  })
  .map(([one]) => one.className || one.localName)"""

# Text whose colour stands out too little from what is behind it (WCAG 2.2, 1.4.3), and the number
# of texts that were looked at. A button that can't be pressed may be faint.
_CONTRAST = """() => {
  const pencil = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    pencil.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      pencil.fillStyle = colour;
      pencil.fillRect(0, 0, 1, 1);
    }
    return [...pencil.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (one) => one === null
    ? [] : [...behind(one.parentElement), getComputedStyle(one).backgroundColor];
  const luminance = (colour) => colour
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (one) => {
    const ground = behind(one);
    const both = [over(ground), over([...ground, getComputedStyle(one).color])].map(luminance);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && !one.matches(":disabled, :disabled *"))
    .filter((one) => [...one.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.data.trim()
    ) || one.matches("input"));
  return [
    texts.length,
    texts.filter((one) => contrast(one) < 4.5)
      .map((one) => `${one.textContent.trim()}: ${contrast(one).toFixed(2)}`),
  ];
}"""


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_whoever_wants_no_motion(
    open_context: Callable[..., BrowserContext], somebody: Person, motion: str
) -> None:
    moves = motion != "reduce"
    page = open_context(reduced_motion=motion).new_page()
    sign_in(page, somebody)
    page.goto("/account")
    expect(page.get_by_role("heading", level=1, name="Account")).to_be_visible()
    assert bool(page.evaluate(_MOVING)) is moves

    page = open_context(reduced_motion=motion).new_page()
    # What waits for an answer turns, so none comes.
    page.route("**/api/auth/login", lambda _: None)
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".spinner")).to_be_visible()
    moving = page.evaluate(_MOVING)
    assert ("spinner" in moving, bool(moving)) == (moves, moves)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(
    open_context: Callable[..., BrowserContext], somebody: Person, scheme: str
) -> None:
    page = open_context(color_scheme=scheme).new_page()
    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    check_contrast(page)
    sign_in(page, somebody)
    page.goto("/account")
    expect(page.get_by_role("heading", level=1, name="Account")).to_be_visible()
    page.wait_for_load_state("networkidle")
    check_contrast(page)


def check_contrast(page: Page) -> None:
    texts, faint = page.evaluate(_CONTRAST)
    assert texts > 10, page.url
    assert faint == [], page.url
