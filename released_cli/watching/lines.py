"""Lines made of spans with a style: wrapped and coloured on a terminal, plain and whole elsewhere.

Every span is cleaned here: what customers or Meta wrote must not steer the terminal.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from released_cli.admin import Document
from released_cli.output import clean, is_terminal, pick, print_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Span = tuple[str, str]
"""A text and its style in rich's words; an empty style is none."""


@dataclass(frozen=True, slots=True)
class Line:
    """Spans side by side, behind a `mark` that only the first line of them has.

    Line breaks in spans are kept; all lines begin in the same column.
    """

    spans: tuple[Span, ...]
    mark: str = ""


def make_line(*spans: Span, mark: str = "") -> Line:
    """Put spans side by side."""
    return Line(spans, mark)


def can_draw() -> bool:
    """Tell whether stdout is a terminal on which a cursor can be moved."""
    return is_terminal(sys.stdout) and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def print_record(document: Document) -> None:
    """Print one document of many for programs: on a line of its own, and at once."""
    import json

    print_text(json.dumps(pick(document), ensure_ascii=not _speaks_utf8()))


def print_lines(lines: Sequence[Line], *, cut: bool = False) -> None:
    """Print data for people; when its reader has had enough, the command ends, quietly.

    With `cut` a terminal gets one line for each, cut off where it ends.
    """
    if not is_terminal(sys.stdout):
        print_text("\n".join(text for line in lines for text in write_plainly(line)))
        return
    from rich.console import Console

    console = Console(highlight=False)
    for line in lines:
        if cut:
            console.print(draw_whole(line), no_wrap=True, overflow="ellipsis")
            continue
        for drawn in draw_line(line, console):
            console.print(drawn, soft_wrap=True)


def write_plainly(line: Line) -> list[str]:
    """Write a line for a pipe: whole, one text for each line of its own."""
    whole = "".join(clean(text) for text, _ in line.spans)
    first, *more = whole.split("\n")
    rest = (f"{' ' * len(line.mark)}{part}" for part in more)
    return [text.rstrip() for text in (f"{line.mark}{first}", *rest)]


def draw_whole(line: Line) -> "Text":
    """Draw the spans of a line, without its mark."""
    from rich.text import Text

    return Text.assemble(*((clean(text), style) for text, style in line.spans))


def draw_line(line: Line, console: "Console") -> "Iterator[Text]":
    """Wrap a line into the console's width, a text for each line it takes."""
    from rich.text import Text

    mark = line.mark
    for wrapped in draw_whole(line).wrap(console, max(1, console.width - len(mark))):
        wrapped.rstrip()
        yield Text(mark) + wrapped
        mark = " " * len(mark)


def _speaks_utf8() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or ""
    return encoding.lower().replace("-", "") == "utf8"
