"""What tests of commands that work far away share: a daemon's client, a broken line, one call."""

from tests.doubles.command_line import Result, Shell
from tests.doubles.stranger import Scripted, Stranger

BROKEN_OFF = Scripted(status=None)
CLIENT = {
    "id": 7,
    "name": "Bar",
    "phone_number": "+34600000001",
    "phone_number_id": "9",
    "active": True,
    "stopped": None,
    "warnings": [],
    "faqs_digest": "",
    "access_token_digest": None,
}


def hurry(shell: Shell) -> Shell:
    """Give a shell a token, and let its calls be tried again at once."""
    shell.set(RELEASED_TOKEN="rel_token")
    shell.patch("released_cli.calling.PAUSES_S", (0.01, 0.01, 0.01))
    return shell


def run_at(shell: Shell, stranger: Stranger | str, *arguments: str) -> Result:
    """Run a command at a server; without one, list its clients."""
    url = stranger if isinstance(stranger, str) else stranger.url
    return shell.run("--url", url, *(arguments or ("client", "list")))
