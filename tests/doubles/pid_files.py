"""Processes that one command starts and another ends: known by files that hold their ids."""

import os
import signal
import time
from pathlib import Path

STOP_S = 10.0
"""How long a process may take to end by itself."""


def is_running(file: Path) -> bool:
    """Tell whether a file names a process that has not ended."""
    if not file.exists():
        return False
    try:
        state = Path(f"/proc/{file.read_text()}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def stop(file: Path) -> None:
    """End the process that a file names, by force where it takes too long, and remove the file."""
    if not is_running(file):
        return
    os.kill(int(file.read_text()), signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while is_running(file) and time.monotonic() < deadline:
        time.sleep(0.02)
    if is_running(file):
        os.kill(int(file.read_text()), signal.SIGKILL)
    file.unlink()


def stop_all(folder: Path) -> None:
    """End every process that a folder's files name."""
    for file in folder.glob("*.pid"):
        stop(file)
