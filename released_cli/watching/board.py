"""The table of clients: what each row says, and how it is drawn within a terminal's width.

Knows nothing of where documents come from; who comes first is `attention`'s.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from released_cli.admin import Document
from released_cli.output import clean
from released_cli.watching.attention import AT_REST, BROKEN, DOUBTFUL, rank_clients
from released_cli.watching.moments import tell_age

if TYPE_CHECKING:
    from rich.table import Table

    from released_cli.watching.rates import Rates

ID, NAME, STATE, LAST, WAITING, PARKED, RATE, ANSWERS, UNANSWERED = (
    "id",
    "name",
    "state",
    "last message",
    "waiting",
    "parked",
    "/min",
    "24 h",
    "unanswered",
)
HEADINGS = (ID, NAME, STATE, LAST, WAITING, PARKED, RATE, ANSWERS, UNANSWERED)
NARROW_FIRST = (STATE, UNANSWERED, ANSWERS, RATE, LAST, ID)
"""What gives way to the name on a narrow terminal, in this order."""

MIN_NAME, MIN_LIVE_NAME = 12, 18
"""Cells of a name below which two clients could hardly be told apart.

What goes on changing is looked at in passing: there the name needs more of them.
"""

NUMBERS = frozenset({ID, WAITING, PARKED, RATE, ANSWERS, UNANSWERED})
GAP = 2
STYLES = {BROKEN: "red", DOUBTFUL: "yellow", AT_REST: "dim"}


@dataclass(frozen=True, slots=True)
class Board:
    """Headings, and for each client, in the order to be looked at, its texts and their style."""

    headings: tuple[str, ...]
    rows: list[dict[str, str]]
    styles: list[str]


def build_board(document: Document, *, now: float, rates: "Rates | None" = None) -> Board:
    """Describe every client of a status document, those that need somebody first."""
    ranked = rank_clients(document)
    return Board(
        headings=tuple(name for name in HEADINGS if name != RATE or rates is not None),
        rows=[_describe(client, now=now, rates=rates) for client, _ in ranked],
        styles=[STYLES.get(urgency, "") for _, urgency in ranked],
    )


def draw_board(board: Board, *, shown: int, width: int) -> "Table":
    """Draw the first rows of a board, each on one line of `width` cells at most."""
    from rich.table import Table
    from rich.text import Text

    widths = _choose_widths(board, width)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for name, cells in widths.items():
        table.add_column(
            Text(name),
            width=cells,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if name in NUMBERS else "left",
        )
    for row, style in zip(board.rows[:shown], board.styles, strict=False):
        table.add_row(*(Text(row[name]) for name in widths), style=style)
    return table


def _describe(client: Document, *, now: float, rates: "Rates | None") -> dict[str, str]:
    rate = None if rates is None else rates.per_minute(client["id"])
    return {
        ID: str(client["id"]),
        NAME: " ".join(clean(client["name"]).split()),
        STATE: str(client["state"]),
        LAST: tell_age(client["last_message_at"], now=now),
        WAITING: str(client["pending"]),
        PARKED: str(client["parked"]),
        RATE: "-" if rate is None else f"{rate:.0f}",
        ANSWERS: str(client["answers_24h"]),
        UNANSWERED: str(client["unanswered_24h"]),
    }


def _choose_widths(board: Board, width: int) -> dict[str, int]:
    """Give each column what its longest text needs, and the name what is left of `width`."""
    from rich.cells import cell_len

    needed = {
        name: max(cell_len(name), *(cell_len(row[name]) for row in board.rows), 0)
        for name in board.headings
    }
    name_cells = needed.pop(NAME)
    least = MIN_LIVE_NAME if RATE in needed else MIN_NAME
    for given_up in NARROW_FIRST:
        if _room(needed, width) >= min(name_cells, least):
            break
        needed.pop(given_up, None)
    name_cells = max(1, min(name_cells, _room(needed, width)))
    return {
        name: name_cells if name == NAME else needed[name]
        for name in board.headings
        if name == NAME or name in needed
    }


def _room(others: dict[str, int], width: int) -> int:
    return width - sum(others.values()) - GAP * len(others)
