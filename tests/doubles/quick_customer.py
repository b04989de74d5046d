"""A customer who writes to a daemon as soon as it serves, before its installer has judged it.

Plays systemctl for that, in front of another one: `restart` returns once the daemon answers, as it
does under systemd with Type=notify, and by then the customer has written. Run as a program.
"""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SERVES_S = 60.0
"""What a daemon's start may take on a busy machine."""


def write(folder: Path, *, systemctl: str, url: str, webhook: bytes, signature: str) -> str:
    """Put the program into a folder, with what the customer writes; give its path."""
    program = folder / "quick_customer"
    (folder / "webhook").write_bytes(webhook)
    given = f'"{systemctl}" "{url}" "{folder}" "{signature}"'
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {given} "$@"\n')
    program.chmod(0o755)
    return str(program)


def read_answers(folder: Path) -> list[str]:
    """Give the statuses that the customer's webhooks were answered with."""
    return (folder / "answers").read_text().split()


def _ask(request: urllib.request.Request | str) -> int | None:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
    except OSError:
        return None


def _deliver(url: str, folder: Path, signature: str) -> None:
    deadline = time.monotonic() + SERVES_S
    while _ask(f"{url}/health") is None and time.monotonic() < deadline:
        time.sleep(0.05)
    headers = {"X-Hub-Signature-256": signature}
    webhook = (folder / "webhook").read_bytes()
    status = _ask(urllib.request.Request(f"{url}/webhook", webhook, headers))
    with (folder / "answers").open("a") as answers:
        answers.write(f"{status}\n")


def main() -> int:
    systemctl, url, folder, signature, *arguments = sys.argv[1:]
    done = subprocess.run([systemctl, *arguments], check=False)
    if arguments[0] == "restart":
        _deliver(url, Path(folder), signature)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
