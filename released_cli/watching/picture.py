"""What `released top` draws: one moment of the fleet, exactly within the terminal's height.

A picture is made from a document and a clock alone; it waits for nothing.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from released_cli.admin import Document
from released_cli.output import clean
from released_cli.spelling import spell
from released_cli.watching.attention import name_clients, rank_alerts
from released_cli.watching.board import build_board, draw_board
from released_cli.watching.moments import parse_moment, tell_span
from released_cli.watching.rates import Rates
from released_cli.watching.summary import sum_up, tell_alert

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

STALE_S = 3.0
"""From when on a picture says that it is no longer fresh: three looks have gone by."""

ALERT_LINES = 2
"""Lines an alert takes: what is wrong, and the command to run next."""

MIN_TABLE = 3
"""Lines kept for the table and what stands below it, however much there is to say above."""

LOW = 16
"""Lines of a terminal below which the clients need the room of what can be looked up elsewhere."""

LOOKED_UP_ELSEWHERE = ("answers", "clients", "database")


@dataclass(slots=True)
class Scene:
    """What was seen last, `at` which second of a clock that only goes forward, and what is wrong.

    `trouble` is why there has been no answer since, None while there is one.
    """

    document: Document
    at: float
    rates: Rates = field(default_factory=Rates)
    trouble: str | None = None

    def __post_init__(self) -> None:
        """Begin to count."""
        self.rates.add(self.document, at=self.at)

    def see(self, document: Document, *, at: float) -> None:
        """Take the next document."""
        self.document, self.at, self.trouble = document, at, None
        self.rates.add(document, at=at)


def draw_scene(scene: Scene, *, clock: float, width: int, height: int) -> "RenderableType":
    """Draw a scene as it is at `clock`, in `height` lines at most."""
    from rich.console import Group
    from rich.text import Text

    document = scene.document
    now = parse_moment(document["time"]) + (clock - scene.at)
    facts = sum_up(document, now=now)
    facts["answers"] += _tell_rate(scene.rates)
    if height < LOW:
        facts = {name: facts[name] for name in facts if name not in LOOKED_UP_ELSEWHERE}
    top = [*_draw_head(scene, facts, clock=clock, width=width), Text("")]
    alerts = _draw_alerts(document, room=(height - len(top)) // 3)
    board = build_board(document, now=now, rates=scene.rates)
    lines = [*top, *alerts][: max(1, height - MIN_TABLE)]
    room = max(0, height - len(lines) - 2)
    hidden = len(board.rows) - room
    rest = Text(f"… and {hidden} more   q leaves" if hidden > 0 else "q leaves", style="dim")
    for line in (*lines, rest):
        line.truncate(width, overflow="ellipsis")
    return Group(*lines, draw_board(board, shown=room, width=width), rest)


def _draw_head(scene: Scene, facts: dict[str, str], *, clock: float, width: int) -> "list[Text]":
    from rich.text import Text

    silent_s = clock - scene.at
    stale = "" if silent_s < STALE_S else f"no answer since {tell_span(silent_s)}"
    lines = []
    for name, told in facts.items():
        style = "bold red" if told.startswith("DOWN") else ""
        lines.append(Text.assemble((f"{name:<10}", "bold"), (told, style)))
    if stale:
        first = lines[0]
        first.truncate(max(0, width - len(stale) - 2), overflow="ellipsis", pad=True)
        first.append(f"  {stale}", style="bold red")
    if scene.trouble is not None:
        lines.append(Text(" ".join(clean(scene.trouble).split()), style="red"))
    return lines


def _tell_rate(rates: Rates) -> str:
    rate = rates.per_minute()
    return "" if rate is None else f"; {rate:,.0f} a minute now"


def _draw_alerts(document: Document, *, room: int) -> "list[Text]":
    from rich.text import Text

    alerts, names = rank_alerts(document), name_clients(document)
    shown = alerts[: max(0, (room - 2) // ALERT_LINES)]
    lines: list[Text] = []
    for alert in shown:
        style = "bold red" if alert["level"] == "error" else "bold yellow"
        lines.append(Text.assemble((f"{alert['level']}: ", style), tell_alert(alert, names)))
        step = spell(str(alert["next"]), source=document)
        lines.append(Text(f"  {clean(step)}", style="cyan"))
    if len(alerts) > len(shown):
        more = "… and {} more" if shown else "{} alerts"
        told = spell(f"{more.format(len(alerts) - len(shown))}: released status")
        lines.append(Text(told, style="" if shown else "bold red"))
    return [*lines, Text("")] if lines else []
