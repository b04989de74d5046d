"""`released` at a desk: on a terminal that one can look at, in a pipe, or read as it goes on."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.doubles.command_line import PROGRAM, clean_environment, measured
from tests.doubles.desk import Desk
from tests.doubles.forking import run_forked
from tests.doubles.screen import Screen
from tests.doubles.terminal import Terminal, at_window
from tests.doubles.watched import make_fleet, make_turn

NOTHING = {"cursor": "1", "events": []}
AWAY = {"RELEASED_TOKEN": "rl_token", "TZ": "UTC0"}


def make_documents() -> dict[str, Any]:
    """Make what a desk answers about a fleet of 500, in which two turns have been."""
    client = dict.fromkeys(("phone_number", "phone_number_id", "active", "access_token_digest"), "")
    return {
        "/status": make_fleet(),
        "/log": [make_turn(1), make_turn(2, outcome="unanswered", cause="timeout", faq_ids=[])],
        "/clients": [{"id": 1, "name": "La Plaza", **client}],
        "/events": NOTHING,
    }


@contextmanager
def at_screen(
    folder: Path, desk: Desk, *arguments: str, size: tuple[int, int] = (80, 24), **settings: str
) -> Iterator[tuple[Terminal, Screen]]:
    """Run `released` at the desk, on a terminal that one can look at."""
    given = ("--url", desk.url, *arguments)
    with at_window(folder, size, *given, **AWAY | settings) as terminal:
        yield terminal, Screen(terminal, *size)


def run(desk: Desk, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `released` at the desk, in a pipe."""
    environment = clean_environment(**AWAY, **measured())
    given = ("--url", desk.url, *arguments)
    return run_forked("released_cli", given, folder, environment, b"", within_s=60)


@contextmanager
def in_pipes(desk: Desk, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `released` at the desk, with its output in pipes that a test reads as it comes."""
    process = subprocess.Popen(
        [*PROGRAM, "--url", desk.url, *arguments],
        cwd=folder,
        env=clean_environment(**AWAY),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
