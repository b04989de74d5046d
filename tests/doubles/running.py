"""A command that serves until it is told to end, and the address that it prints first."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run it; politely ended at the latest when the test is over."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def read_line(process: subprocess.Popen[str]) -> str:
    """Wait for the next line of its stdout."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
