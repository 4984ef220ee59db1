"""Where settings come from: the environment and `.env`, with every mistake kept for the report."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from dotenv.parser import parse_stream

PREFIX = "CHRONICLE_"
TEST_PREFIX = "CHRONICLE_TEST_"

T = TypeVar("T")


class Source(StrEnum):
    """Where a value comes from."""

    DEFAULT = "default"
    DOTENV = ".env"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the variable (or the line of `.env`) and what would be right."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class SettingsError(Exception):
    """The settings can't be used; `problems` lists every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class Reader:
    """The texts that were given, each with its source, and the mistakes found in them."""

    def __init__(self, names: Collection[str]) -> None:
        """Know the settings by their names in lower case, without the prefix."""
        self.problems: list[Problem] = []
        self.sources = dict.fromkeys(names, Source.DEFAULT)
        self._texts: dict[str, str] = {}

    def take(self, given: Mapping[str, str], source: Source) -> None:
        """Take one source's variables; what comes later wins, also by being empty."""
        for name, text in given.items():
            if not name.startswith(PREFIX) or name.startswith(TEST_PREFIX):
                continue
            known = name.removeprefix(PREFIX).lower()
            if name != PREFIX + known.upper() or known not in self.sources:
                self._refuse_name(name, source)
                continue
            self._texts[known] = text.strip()
            self.sources[known] = source if text.strip() else Source.DEFAULT

    def take_dotenv(self, path: Path) -> None:
        """Take the variables of a `.env` file; no file is no mistake.

        Read statement by statement: `dotenv_values` only logs what it can't read, takes a name
        without a value for unset, and puts other variables into a password that holds `${`.
        """
        given: dict[str, str] = {}
        try:
            with path.open(encoding="utf-8") as stream:
                bindings = list(parse_stream(stream))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(Problem(str(path), f"can't be read: {error}"))
            return
        for binding in bindings:
            if binding.error or (binding.key and binding.value is None):
                self.problems.append(
                    Problem(f"{path}:{binding.original.line}", "is not NAME=value")
                )
            elif binding.key and binding.value is not None:
                given[binding.key] = binding.value
        self.take(given, Source.DOTENV)

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The value given under this name, or the default; a mistake is noted."""
        text = self._texts.get(name)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            where = f" (from {self.sources[name]})"
            self.problems.append(Problem(PREFIX + name.upper(), f"{error}{where}"))
            return default

    def _refuse_name(self, name: str, source: Source) -> None:
        # Without the prefix, which would make every name look near.
        near = get_close_matches(name.removeprefix(PREFIX).lower(), self.sources, 1)
        hint = (
            f"did you mean {PREFIX}{near[0].upper()}?"
            if near
            else "docs/settings.md lists all settings"
        )
        self.problems.append(Problem(name, f"there is no such setting; {hint} (from {source})"))
