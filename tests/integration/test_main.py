"""The program's entry refuses in one line what it cannot serve with, before it makes anything."""

import socket
from pathlib import Path

import pytest

from daemon.core.settings import Settings
from daemon.main import main
from tests.doubles.daemon_process import find_free_port
from tests.doubles.stage import SECRET, VERIFY_TOKEN

NEEDED = {"META_APP_SECRET": SECRET, "META_VERIFY_TOKEN": VERIFY_TOKEN}
PUBLIC = {"PUBLIC_URL": "https://bot.example.com"}


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def refuse(monkeypatch: pytest.MonkeyPatch, *argv: str, **settings: str) -> str:
    """Run it and give the one line with which it ended."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(list(argv))
    line = ended.value.code
    assert isinstance(line, str), "a text is printed on stderr and becomes exit code 1"
    assert 1 == len(line.splitlines())
    assert line.startswith("released-daemon: ")
    assert [] == [secret for secret in (SECRET, VERIFY_TOKEN) if secret in line]
    return line


@pytest.mark.parametrize(
    ("missing", "where"),
    [("META_APP_SECRET", "App secret"), ("META_VERIFY_TOKEN", "webhook URL")],
)
def test_a_missing_setting_is_named_with_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, missing: str, where: str
) -> None:
    """Absent or empty is the same, in dev too, and no database is made."""
    rest = {name: value for name, value in NEEDED.items() if name != missing}
    for given in (rest, rest | {missing: ""}):
        line = refuse(monkeypatch, **given)
        assert missing in line
        assert where in line
    assert [] == list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://bot.example.com"}, "PUBLIC_URL"),
        (PUBLIC | {"META_GRAPH_URL": "http://127.0.0.1:9000"}, "META_GRAPH_URL"),
        (PUBLIC | {"META_GRAPH_URL": "https://localhost"}, "META_GRAPH_URL"),
        (PUBLIC | {"META_APP_SECRET": ""}, "META_APP_SECRET"),
    ],
)
def test_prod_refuses_what_is_unsafe(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], word: str
) -> None:
    """No app secret, a sandbox in Meta's place, plain HTTP for the world."""
    assert word in refuse(monkeypatch, **(NEEDED | {"APP_ENV": "prod"} | given))


def test_everything_unreadable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run tells the operator all there is to mend."""
    line = refuse(monkeypatch, **NEEDED, WORKERS="many", APP_ENV="moon", COALESCE_SECONDS="-1")
    for name in ("WORKERS", "APP_ENV", "COALESCE_SECONDS"):
        assert name in line


@pytest.mark.parametrize("engine", ["responses", "chat"])
def test_an_engine_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """Asked for in so many words, it must not fall back in silence."""
    assert "OPENAI_API_KEY" in refuse(monkeypatch, **NEEDED, ANSWER_ENGINE=engine)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://u:p@h/db",
        "nonsense",
        "sqlite+aiosqlite://",
        "sqlite:////no/where/x.db",
    ],
)
def test_a_database_that_cannot_be_had_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """The line names DATABASE_URL."""
    port = str(find_free_port())
    assert "DATABASE_URL" in refuse(monkeypatch, **NEEDED, PORT=port, DATABASE_URL=url)


def test_a_file_that_is_no_database_of_ours_is_refused_and_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody's notes stay somebody's notes."""
    notes = Path("notes.db")
    notes.write_text("These are my notes.\n" * 100)
    url, port = f"sqlite+aiosqlite:///{notes}", str(find_free_port())
    line = refuse(monkeypatch, **NEEDED, PORT=port, DATABASE_URL=url)
    assert "not a database of Released" in line
    assert notes.read_text().startswith("These are my notes.")


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one, and what to do; an --env-file is where it was read."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lines = [f"{name}={value}" for name, value in (NEEDED | {"PORT": str(port)}).items()]
        Path("my.env").write_text("\n".join(lines))
        line = refuse(monkeypatch, "--env-file", "my.env")
    assert f"Port {port}" in line
    assert "PORT" in line


def test_a_host_that_is_not_ours_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of another machine cannot be listened on."""
    assert "192.0.2.1" in refuse(monkeypatch, **NEEDED, HOST="192.0.2.1")


def test_an_env_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error must not start a daemon with defaults."""
    assert "nowhere.env" in refuse(monkeypatch, "--env-file", "nowhere.env", **NEEDED)


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(["--nonsense"])
    assert 2 == ended.value.code
    assert "--nonsense" in capsys.readouterr().err
