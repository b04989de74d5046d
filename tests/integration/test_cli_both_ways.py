"""Every command on this machine and over HTTP: the same output and the same exit code."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from daemon.core.runtime import open_database
from daemon.core.store.audit import Actor
from released_cli.calling import Caller
from released_cli.local import LocalAdmin
from released_cli.places import Place
from released_cli.remote import RemoteAdmin
from tests.doubles.command_line import FAQS, Result, Shell
from tests.doubles.inhouse import make_settings
from tests.doubles.served import DATABASE, make_world, put_world, serve

CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?"), "TIME"),
    (re.compile(r"asst_[0-9a-f]{24}"), "ASSISTANT"),
    (re.compile(r"rel_[\w-]{43}"), "TOKEN"),
    # With the blanks behind it: "9 s" and "10 s" are not padded alike.
    (re.compile(r"\b\d+ (s|min|h)\b( ago)? *"), "SPAN "),
    (re.compile(r"[\d.]+ (bytes|kB|MB|GB|TB|MiB|GiB)\b"), "SIZE"),
    (re.compile(r'bytes": \d+'), "SIZE"),
)
"""What differs between any two databases, any two seconds, and two looks at one disk."""

FLEET = """
[[clients]]
name = "Bar Sol"
phone_number = "+34666777999"
phone_number_id = "111222333"
welcome_message = "¡Hola!"
faqs = [{ q = "¿Terraza?", a = "Sí." }]

[[clients]]
name = "Café Norte"
phone_number = "+34600100200"
phone_number_id = "700"
faqs = [{ q = "¿Wifi?", a = "Sí." }]
"""

NEW = ("--name", "Café Norte", "--phone-number", "+34600100200", "--phone-number-id", "700")

READS = [
    ("client", "list"),
    ("client", "list", "--json"),
    ("client", "list", "--active-only", "--json", "id,name"),
    ("client", "show", "1"),
    ("client", "show", "Bar Sol"),
    ("client", "show", "--json", "3"),
    ("client", "show", "631261586727899", "--json=stopped,id"),
    ("client", "show", "+34 666-777-888", "--json", "name"),
    ("client", "show", "99"),
    ("client", "faqs", "1"),
    ("client", "faqs", "Bar Sol", "--json"),
    ("client", "faqs", "Bar Sal"),
    ("client", "show", ""),
    ("client", "show", "bar sol"),
    ("client", "show", "Siempre Abierto"),
    ("client", "show", "long" * 60),
    ("inbox", "list"),
    ("inbox", "list", "--json"),
    ("inbox", "list", "--state", "parked", "--json", "id,error"),
    ("inbox", "list", "--limit", "2", "--json"),
    ("inbox", "list", "--client", "Bar Sol", "--json"),
    ("inbox", "list", "--client", "Bar Sal"),
    ("inbox", "list", "--state", "pending"),
    ("inbox", "show", "2"),
    ("inbox", "show", "3", "--json"),
    ("inbox", "show", "99"),
    ("token", "list"),
    ("token", "list", "--json", "name,state,scope,client_id"),
    ("status",),
    ("status", "--json"),
    ("status", "--json", "inbox,clients"),
    ("status", "--exit-code"),
    ("log",),
    ("log", "--only", "unanswered"),
    ("log", "--json"),
    ("log", "1", "-n", "1", "--json", "id,question,answer"),
    ("log", "-q", "W3", "--json", "id,question"),
    ("log", "Bar Sol"),
    ("log", "Bar Sal"),
    ("audit",),
    ("audit", "--json"),
    ("audit", "2", "-n", "2", "--json", "actor,action,before,after"),
    ("audit", "Bar Sal"),
    ("doctor",),
    ("doctor", "--json"),
    ("meta", "token", "check"),
    ("meta", "token", "check", "--json"),
    ("meta", "token", "check", "Bar Sol", "--json", "client,state"),
    ("meta", "token", "check", "Bar Sal"),
    ("meta", "token", "check", "long" * 60),
    ("meta", "token", "rotate", "1"),
    ("meta", "token", "rotate", "Bar Sal"),
    ("export",),
    ("plan", "fleet.toml"),
    ("plan", "fleet.toml", "--json"),
    ("plan", "nowhere.toml"),
]

CHANGES: dict[str, list[tuple[str, ...]]] = {
    "add": [
        ("client", "add", *NEW, "--faqs", str(FAQS), "--json"),
        ("client", "add", *NEW, "--faqs", str(FAQS)),
        ("client", "add", *NEW[:2], *NEW[4:], "--phone-number", "1", "--faqs", str(FAQS)),
        ("client", "add", *NEW[:4], "--phone-number-id", "701", "--faqs", str(FAQS)),
        ("client", "list", "--json", "id,name,faqs_digest"),
    ],
    "update": [
        ("client", "update", "1", "--name", "La Plaza", "--locale", "ca"),
        ("client", "update", "1", "--name", "La Plaza", "--json"),
        ("client", "update", "1", "--welcome-message", "", "--faqs", "new.csv"),
        ("client", "update", "2", "--faqs", "new.csv", "--json"),
        ("client", "update", "2", "--access-token-file", "token"),
        ("client", "update", "1", "--access-token-file", "token", "--json"),
        ("client", "update", "1", "--phone-number-id", "111222333"),
        ("client", "update", "1", "--timezone", "Nowhere/No"),
        ("client", "update", "nobody", "--name", "X"),
        ("client", "show", "1"),
    ],
    "activate": [
        ("client", "deactivate", "1"),
        ("client", "deactivate", "1", "--yes"),
        ("client", "deactivate", "1", "--yes", "--json"),
        ("client", "activate", "3"),
        ("client", "activate", "3", "--json", "id,active"),
        ("client", "resume", "2"),
        ("client", "resume", "2", "--json", "stopped"),
        ("client", "resume", "9"),
    ],
    "inbox": [
        ("inbox", "drop", "1"),
        ("inbox", "drop", "3"),
        ("inbox", "drop", "99"),
        ("inbox", "retry", "3"),
        ("inbox", "retry", "99"),
        ("inbox", "retry", "5"),
        ("inbox", "retry"),
    ],
    "retry all": [
        ("inbox", "retry", "--all", "--error", "nothing"),
        ("inbox", "retry", "--all"),
    ],
    "fleet": [
        ("apply", "fleet.toml"),
        ("plan", "fleet.toml"),
        ("apply", "fleet.toml", "--json"),
        ("apply", "fleet.toml", "--prune"),
        ("apply", "fleet.toml", "--prune", "--yes", "--json"),
        ("export", "--output", "out.toml"),
        ("plan", "out.toml"),
    ],
    "token": [
        ("token", "create", "a b", "--json"),
        ("token", "create", "a b"),
        ("token", "create", "c", "--scope", "read", "--client", "Bar Sol", "--expires-days", "0"),
        ("token", "create", "d", "--client", "Bar Sal"),
        ("token", "create", "e", "--expires-days", "inf"),
        ("token", "create", " "),
        ("token", "rotate", "a b", "--expires-days", "1", "--json"),
        ("token", "rotate", "nobody"),
        ("token", "revoke", "a b", "--yes"),
        ("token", "revoke", "a b", "--yes"),
        ("token", "list", "--json", "name,scope,client_id,state"),
    ],
}


@dataclass(frozen=True, slots=True)
class Ways:
    """One command line, run on this machine's database and at a daemon."""

    shell: Shell
    url: str

    def here(self, *arguments: str) -> Result:
        return self.shell.run("--local", *arguments)

    def there(self, *arguments: str) -> Result:
        return self.shell.run("--url", self.url, *arguments)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    shell = Shell(tmp_path, monkeypatch, capsys)
    shell.write("new.csv", "q,a\n¿Terraza?,Sí.\n")
    shell.write("token", "EAAnew")
    shell.write("fleet.toml", FLEET)
    shell.set(RELEASED_TOKEN=make_world().tokens["operator"])
    return shell


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve a database in which nothing changes."""
    folder = tmp_path_factory.mktemp("still")
    put_world(folder)
    with serve(folder) as url:
        yield url, folder


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_what_is_read(shell: Shell, still: tuple[str, Path], command: tuple[str, ...]) -> None:
    """Both ways a command reads the same of one database, to the letter, refusals too."""
    url, folder = still
    shell.set(**write_settings(folder, url))
    ways = Ways(shell, url)
    assert mask(ways.here(*command)) == mask(ways.there(*command))


@pytest.mark.parametrize("story", CHANGES)
def test_what_is_changed(shell: Shell, tmp_path: Path, story: str) -> None:
    """Both ways the same changes, one after the other, do and say the same on equal databases."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        put_world(tmp_path / name)
    shell.set(DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path / 'here' / DATABASE}")
    with serve(tmp_path / "there") as url:
        ways = Ways(shell, url)
        for command in CHANGES[story]:
            assert mask(ways.here(*command)) == mask(ways.there(*command)), command


def test_events_are_read_alike(still: tuple[str, Path]) -> None:
    """The same cursor leads both ways to the same events."""
    url, folder = still
    there = RemoteAdmin(Caller(Place(url, make_world().tokens["operator"]), 5))
    with open_database(make_settings(folder)) as database:
        here = LocalAdmin(database, make_settings(folder), actor=Actor("test"), clock=time.time)
        now = here.read_events()
        assert now == there.read_events()
        here.update_client(1, {"locale": "es_MX"})
        here.update_client(1, {"locale": "es"})
        told = here.read_events(after=now["cursor"], limit=1)
        assert ["client.changed"] == [event["kind"] for event in told["events"]]
        assert told == there.read_events(after=now["cursor"], limit=1)


def write_settings(folder: Path, url: str) -> dict[str, str]:
    """Write down the daemon's own settings, with the port that it was given."""
    settings = make_settings(folder, port=urlsplit(url).port)
    return {
        name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings
        if name in settings.model_fields_set
    }


def mask(result: Result) -> tuple[int, str, str]:
    return result.code, _mask(result.out), _mask(result.err)


def _mask(text: str) -> str:
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text
