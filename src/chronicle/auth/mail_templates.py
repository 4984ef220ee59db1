"""Turns the words of `mail_texts/` into mails: one file a language, text and HTML from the same.

A body is paragraphs between empty lines. A paragraph that is `{code}` alone is shown as a code,
`[Words](link)` as a button, and lines that begin with `- ` as a list. Values are put in after
that, each on one line and escaped in HTML, so no value becomes a link, a list or markup. A line of
a list whose value is not known is left out.
"""

import re
import textwrap
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template

from chronicle.auth.ports import Mail

LANGUAGES = ("en", "de")
"""The first stands in for every language that is not here."""

_TEXT_COLUMNS = 76
_LONGEST_VALUE = 300

_BUTTON = re.compile(r"\[(?P<words>[^\]]+)\]\((?P<link>\S+)\)")

_PARAGRAPH = '<p style="margin: 0 0 16px">{}</p>'
_CODE = (
    '<p style="margin: 0 0 16px; padding: 12px 16px; border: 1px solid #767676; '
    "border-radius: 8px; font-family: ui-monospace, Menlo, Consolas, monospace; "
    'font-size: 28px; letter-spacing: 2px; text-align: center">{}</p>'
)
_BUTTON_LINK = (
    '<p style="margin: 0 0 16px"><a href="{}" style="display: inline-block; padding: 12px 20px; '
    "border-radius: 8px; background: #1f4fd8; color: #ffffff; font-weight: 600; "
    'text-decoration: none">{}</a></p>'
)
_LIST = '<ul style="margin: 0 0 16px; padding-left: 24px">{}</ul>'


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language as its file has them; `mails` are (subject, body) by name."""

    code: str
    signature: str
    moment: str
    months: tuple[str, ...]
    mails: Mapping[str, tuple[str, str]]


@cache
def language(code: str) -> Language:
    """The words of one of `LANGUAGES`."""
    content = tomllib.loads(_folder().joinpath(f"{code}.toml").read_text(encoding="utf-8"))
    mails = {
        name: (part["subject"], part["body"])
        for name, part in content.items()
        if isinstance(part, dict)
    }
    return Language(code, content["signature"], content["moment"], tuple(content["months"]), mails)


def best_language(locale: str | None) -> Language:
    """The language of a BCP 47 tag by its primary subtag; the first of `LANGUAGES` otherwise."""
    primary = (locale or "").partition("-")[0].lower()
    return language(primary if primary in LANGUAGES else LANGUAGES[0])


def write(
    to: str, name: str, locale: str | None, *, base_url: str, **values: str | int | datetime | None
) -> Mail:
    """The mail of this name, in the language nearest to a locale; None is what is not known."""
    words = best_language(locale)
    known = {key: value for key, value in values.items() if value is not None}
    shown = {key: _shown(value, words) for key, value in known.items()} | {"base_url": base_url}
    subject, body = (part.strip() for part in words.mails[name])
    paragraphs = re.split(r"\n{2,}", _without(body, values.keys() - known.keys()))
    texts = [_as_text(paragraph, shown) for paragraph in paragraphs]
    return Mail(
        to=to,
        subject=subject.format_map(shown),
        text="\n\n".join([*texts, "-- \n" + _wrapped(words.signature.format_map(shown))]) + "\n",
        html=_as_page(subject, paragraphs, words, shown),
    )


def _without(body: str, unknown: Collection[str]) -> str:
    lines = body.splitlines()
    marks = [f"{{{name}}}" for name in unknown]
    return "\n".join(
        line
        for line in lines
        if not line.startswith("- ") or not any(mark in line for mark in marks)
    )


def _as_text(paragraph: str, shown: Mapping[str, str]) -> str:
    button = _BUTTON.fullmatch(paragraph)
    if button:
        return f"{button['words']}:\n\n    {button['link']}".format_map(shown)
    if paragraph == "{code}":
        return f"    {shown['code']}"
    if paragraph.startswith("- "):
        return "\n".join(line.format_map(shown) for line in paragraph.splitlines())
    return _wrapped(paragraph.format_map(shown))


def _wrapped(text: str) -> str:
    # A link that is cut leads nowhere.
    return textwrap.fill(text, _TEXT_COLUMNS, break_long_words=False, break_on_hyphens=False)


def _as_page(subject: str, paragraphs: list[str], words: Language, shown: Mapping[str, str]) -> str:
    safe = {key: escape(value) for key, value in shown.items()}
    return _frame().substitute(
        language=words.code,
        subject=escape(subject).format_map(safe),
        content="\n".join(_as_html(paragraph, safe) for paragraph in paragraphs),
        signature=escape(words.signature).format_map(safe),
    )


def _as_html(paragraph: str, safe: Mapping[str, str]) -> str:
    button = _BUTTON.fullmatch(paragraph)
    if button:
        link, words = escape(button["link"]), escape(button["words"])
        return _BUTTON_LINK.format(link.format_map(safe), words.format_map(safe))
    if paragraph == "{code}":
        return _CODE.format(safe["code"])
    if paragraph.startswith("- "):
        items = [escape(line.removeprefix("- ")) for line in paragraph.splitlines()]
        return _LIST.format("".join(f"<li>{item.format_map(safe)}</li>" for item in items))
    return _PARAGRAPH.format(escape(paragraph).format_map(safe))


def _shown(value: str | int | datetime, words: Language) -> str:
    """A value as people read it: on one line, printable, and not without end."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return words.moment.format(
            day=moment.day,
            month=words.months[moment.month - 1],
            year=moment.year,
            time=f"{moment:%H:%M}",
        )
    one_line = " ".join(str(value).split())
    return "".join(filter(str.isprintable, one_line))[:_LONGEST_VALUE]


@cache
def _frame() -> Template:
    return Template(_folder().joinpath("frame.html").read_text(encoding="utf-8"))


def _folder() -> Traversable:
    return files("chronicle.auth").joinpath("mail_texts")
