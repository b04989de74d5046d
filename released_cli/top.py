"""`released top`: the fleet as it is, drawn anew each second.

On a terminal a picture that fills it; elsewhere a status document a line, for programs.
"""

import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.core.errors import Retryable
from released_cli.commands import Command
from released_cli.session import AsJson, admin
from released_cli.watching.lines import can_draw, print_record
from released_cli.watching.picture import Scene, draw_scene
from released_cli.watching.polling import INTERRUPTED, INTERVAL_S, LONGEST_WAIT_S, Patience, pause
from released_cli.watching.sources import Statuses

if TYPE_CHECKING:
    from rich.live import Live

    from released_cli.watching.reading import Reader
    from released_cli.watching.screen import Happening, Inputs

app = typer.Typer()

Count = Annotated[
    int | None, typer.Option("--count", metavar="N", min=1, help="End after so many looks.")
]

SIGNAL_BASE = 128
"""What a shell adds to a signal's number to tell its exit code."""


@app.command("top", cls=Command)
def top(ctx: typer.Context, *, count: Count = None, as_json: AsJson = False) -> None:
    """Watch the status live, drawn anew each second; q leaves.

    Clients that need somebody come first. Off a terminal, and with --json, it prints a status
    document a second, each on a line of its own.
    """
    with admin(ctx) as office:
        if as_json or not can_draw():
            code = print_documents(office, count)
        else:
            code = Show(office, count).run()
    raise typer.Exit(code)


def print_documents(
    office: Statuses, count: int | None, *, pause: Callable[[float], None] = pause
) -> int:
    """Print a status document a second, each on a line of its own; give the exit code."""
    patience = Patience(pause)
    printed = 0
    try:
        while True:
            began = time.monotonic()
            print_record(patience.ask(office.read_status))
            printed += 1
            if printed == count:
                return 0
            pause(max(0.0, began + INTERVAL_S - time.monotonic()))
    except KeyboardInterrupt:
        return INTERRUPTED


class Show:
    """The picture on the terminal, from the first document until a key or a signal ends it."""

    def __init__(self, office: Statuses, count: int | None) -> None:
        """Look once: what is wrong from the start is said before any picture is drawn."""
        self._office = office
        self._count = count
        self._scene = Scene(office.read_status(), time.monotonic())
        self._due = self._scene.at + INTERVAL_S

    def run(self) -> int:
        """Draw until it is enough; give the exit code."""
        from rich.console import Console
        from rich.live import Live

        from released_cli.watching.reading import Reader
        from released_cli.watching.screen import Inputs

        console = Console(highlight=False)
        inputs = Inputs()
        reader = Reader(self._office.read_status, bell=inputs.ring)
        live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with inputs, live:
            return self._watch(live, inputs, reader)

    def _watch(self, live: "Live", inputs: "Inputs", reader: "Reader") -> int:
        looks = 1
        while True:
            self._draw(live)
            if looks == self._count:
                return 0
            for happened in inputs.wait(self._patience_s(reader)):
                code = _heed(happened, live, inputs)
                if code is not None:
                    return code
            looks += self._look(reader)

    def _draw(self, live: "Live") -> None:
        width, height = live.console.size
        picture = draw_scene(self._scene, clock=time.monotonic(), width=width, height=height)
        live.update(picture, refresh=True)

    def _look(self, reader: "Reader") -> bool:
        """Take what has been read and ask anew when it is time; tell whether there was an answer.

        A side that is away leaves the last picture as it was.
        """
        now = time.monotonic()
        document = None
        try:
            document = reader.take()
        except Retryable as away:
            self._scene.trouble = str(away)
            self._due = max(self._due, now + min(away.retry_after_s or 0.0, LONGEST_WAIT_S))
        if document is not None:
            self._scene.see(document, at=now)
        if reader.is_idle() and now >= self._due:
            self._due = now + INTERVAL_S
            reader.ask()
        return document is not None

    def _patience_s(self, reader: "Reader") -> float:
        """Tell how long nothing needs to be done: a picture's age is counted in seconds."""
        if not reader.is_idle():
            return INTERVAL_S
        return min(INTERVAL_S, max(0.0, self._due - time.monotonic()))


def _heed(happened: "Happening", live: "Live", inputs: "Inputs") -> int | None:
    """Do what a key or a signal asks for; an exit code ends it."""
    from released_cli.watching.screen import ENDING, stop_for_a_while

    if happened in ("q", "Q"):
        return 0
    if happened in ENDING:
        return SIGNAL_BASE + happened
    if happened is signal.SIGTSTP:
        live.stop()
        inputs.give_keys_back()
        stop_for_a_while()
        inputs.take_keys()
        live.start()
    return None
