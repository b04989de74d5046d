"""How results and messages are printed: data to stdout, everything said to people to stderr.

A terminal gets tables by rich; a pipe gets plain columns, never cut, coloured or boxed.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Timer

import typer

from released_cli.given import current
from released_cli.stdout import close_stdout

MOMENT_S = 0.5
"""Seconds after which a person wonders whether anything goes on."""

MIN_WIDE = 8
"""Cells of a column below which what is folded cannot be read."""

GAP = "  "
"""What stands between two columns."""


def print_text(text: str) -> None:
    """Print data to stdout; when its reader has had enough, the command ends, quietly."""
    try:
        typer.echo(text)
    except BrokenPipeError:
        close_stdout()
        raise typer.Exit from None


def print_json(data: object) -> None:
    """Print data for programs, of each object the keys that were chosen, in that order."""
    print_text(write_json(data))


def write_json(data: object) -> str:
    """Write data as `print_json` prints it."""
    import json

    # A terminal of another age must not turn JSON into something else.
    speaks_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    return json.dumps(pick(data), ensure_ascii=not speaks_utf8, indent=2)


def pick(data: object) -> object:
    """Leave of an object, or of each in a list, the keys that `--json id,name` chose."""
    keys = current().json_keys
    if not keys:
        return data
    if isinstance(data, dict):
        return {key: data.get(key) for key in keys}
    return [pick(item) for item in data] if isinstance(data, list) else data


def say(message: str) -> None:
    """Tell a person something, unless they want to hear of errors only."""
    from released_cli.spelling import spell

    if not current().quiet:
        typer.echo(spell(message), err=True)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, wide: str | None = None
) -> None:
    """Print rows under headings.

    A terminal that is too narrow folds the column `wide`, or the widest; the others stay whole. One
    that is narrower still gets plain columns, and breaks the lines itself.
    """
    shown = [[clean(value) for value in row] for row in rows]
    if is_terminal(sys.stdout) and _draw_table(columns, shown, wide=wide):
        return
    flat = [[" ".join(text.split()) for text in row] for row in shown]
    _print_columns([list(columns), *flat])


def _draw_table(columns: Sequence[str], shown: list[list[str]], *, wide: str | None) -> bool:
    """Draw a table on a terminal, or tell that it is too narrow."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    longest = [max(map(cell_len, column)) for column in zip(columns, *shown, strict=True)]
    place = longest.index(max(longest)) if wide is None else columns.index(wide)
    others = sum(longest) - longest[place] + len(GAP) * len(columns)
    if console.width - others < min(longest[place], MIN_WIDE):
        return False
    table = Table(box=None, header_style="bold", padding=(0, len(GAP), 0, 0), pad_edge=False)
    for number, column in enumerate(columns):
        whole = number != place
        table.add_column(column, no_wrap=whole, overflow="ellipsis" if whole else "fold")
    for row in shown:
        table.add_row(*(Text(text) for text in row))
    console.print(table)
    return True


def print_facts(facts: Mapping[str, object]) -> None:
    """Print one thing, a line a fact; what is not set is a dash."""
    shown = {name: clean(value) for name, value in facts.items()}
    if not is_terminal(sys.stdout):
        _print_columns([row for name, text in shown.items() for row in _unfold(name, text)])
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in shown.items():
        table.add_row(name, Text(text))
    Console(highlight=False).print(table)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something is going on; elsewhere say nothing."""
    if current().quiet or not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what}…"):
        yield


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Do what `working` does, but only once it has taken a moment: what is quick flickers not."""
    if current().quiet or not is_terminal(sys.stderr):
        yield
        return
    done = Event()
    timer = Timer(MOMENT_S, _spin, (what, done))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        done.set()
        timer.cancel()
        timer.join()


def _spin(what: str, done: Event) -> None:
    with working(what):
        done.wait()


def _unfold(name: str, text: str) -> list[list[str]]:
    first, *more = text.split("\n")
    return [[name, first], *(["", line] for line in more)]


def _print_columns(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        GAP.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    print_text("\n".join(lines))


def is_terminal(stream: object) -> bool:
    """Ask a stream that may be closed (None) whether a person sits behind it."""
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and bool(isatty())


def clean(value: object) -> str:
    """Write a value for people; what others wrote must not steer the terminal."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in str(value))
