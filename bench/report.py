"""Compact tables: ratios against their bars first, absolute numbers after."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Bar:
    """One measured value and what was promised of it, as `at_least` or `at_most`."""

    what: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """Whether the promise holds."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def row(self) -> list[str]:
        """What, how much, what was promised, and the verdict."""
        sign, bound = (">=", self.at_least) if self.at_least is not None else ("<=", self.at_most)
        verdict = "met" if self.met else "not met"
        return [
            self.what,
            number(self.value, self.unit),
            f"{sign} {number(bound, self.unit)}",
            verdict,
        ]


def number(value: float | None, unit: str = "") -> str:
    """A number with as many digits as mean something."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    spaced = unit if unit in {"x", "%"} else f" {unit}" if unit else ""
    return f"{value:,.{digits}f}{spaced}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median, and between which values it lies."""
    low, high = number(min(values)), number(max(values))
    return f"{number(median(values), unit)} ({low} to {high})"


def heading(title: str) -> None:
    """Begin a benchmark's part of the report."""
    print(f"\n{title}\n{'=' * len(title)}", flush=True)


def bars(measured: Iterable[Bar]) -> None:
    """Print the verdicts."""
    table(["bar", "measured", "promised", ""], [bar.row() for bar in measured])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a head, first column to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *rest = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  " + "   ".join(cells).rstrip(), flush=True)
    print()
