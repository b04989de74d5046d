"""How a benchmark says what it found: plain measures, and ratios held against their targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """What was seen, and what is to be reached; `at_most` tells which way is better."""

    name: str
    seen: float
    must: float
    aim: float
    at_most: bool = True
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Say which of the two targets was met."""
        sign = 1 if self.at_most else -1
        if sign * self.seen <= sign * self.aim:
            return "aim"
        return "must" if sign * self.seen <= sign * self.must else "MISSED"


def print_measures(title: str, measures: Iterable[Measure]) -> None:
    """Print one line for each measure."""
    rows = [
        (
            measure.name,
            f"{measure.seen:.3g}{measure.unit}",
            f"{'<=' if measure.at_most else '>='} {measure.must:g}",
            f"{measure.aim:g}",
            measure.verdict,
        )
        for measure in measures
    ]
    print_table(title, ("", "seen", "must", "aim", "met"), rows)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under heads, the first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    print(f"\n{title}")
    for row in (heads, *rows):
        cells = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
