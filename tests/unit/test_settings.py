"""Settings from the environment and a file."""

from pathlib import Path

import pytest

from daemon.core.errors import Misconfigured
from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.own_token import OwnToken
from daemon.core.settings import Settings, load_settings
from tests.doubles.environment import leave_machine, with_env

SECRETS = {"META_APP_SECRET": "s", "META_VERIFY_TOKEN": "v"}


@pytest.fixture(autouse=True)
def clean_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from the machine that runs the tests."""
    leave_machine(monkeypatch, tmp_path)


def test_nothing_set_gives_the_documented_defaults() -> None:
    """The table in the README is the code's."""
    settings = load_settings()
    assert ("127.0.0.1", 8080) == (settings.host, settings.port)
    assert settings.database_url == "sqlite+aiosqlite:///released.db"
    assert ("https://graph.facebook.com", "v26.0") == (
        settings.meta_graph_url,
        settings.meta_graph_version,
    )
    assert (2, 64, 4, 6, 60, 20, 1) == (
        settings.coalesce_seconds,
        settings.workers,
        settings.retry_base_seconds,
        settings.retry_limit,
        settings.in_doubt_seconds,
        settings.answer_deadline_seconds,
        settings.openai_rps_per_client,
    )


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is read from the working directory, and overruled; an empty variable is none."""
    Path(".env").write_text("PORT=1\nHOST=0.0.0.0\nWORKERS=3\n")
    monkeypatch.setenv("WORKERS", "")
    settings = with_env(monkeypatch, PORT="2")
    assert (2, "0.0.0.0", 3) == (settings.port, settings.host, settings.workers)


def test_an_env_file_is_read_instead_of_the_usual_one(tmp_path: Path) -> None:
    """`--env-file` names the one file."""
    Path(".env").write_text("PORT=1\nWORKERS=3\n")
    other = tmp_path / "other.env"
    other.write_text("PORT=2\n")
    settings = load_settings(other)
    assert (2, 64) == (settings.port, settings.workers)


def test_a_named_file_that_is_missing_is_said(tmp_path: Path) -> None:
    """A typing error in `--env-file` does not run on defaults."""
    with pytest.raises(Misconfigured, match="no such file"):
        load_settings(tmp_path / "nope.env")


def test_a_file_that_is_not_utf8_is_said() -> None:
    """One clear line, which quotes nothing of the file."""
    Path(".env").write_bytes(b"HOST=\xff\n")
    with pytest.raises(Misconfigured, match=r"^.env cannot be read: it is no text in UTF-8\."):
        load_settings()


def test_a_level_is_taken_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG_LEVEL=info means INFO."""
    assert "INFO" == with_env(monkeypatch, LOG_LEVEL="info").log_level


def test_slips_are_those_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in the environment may be anybody's; one in the file was meant for us."""
    Path(".env").write_text("export BACKUP_KEP=3\nBACKUP_KEEP=4\n")
    settings = with_env(monkeypatch, LOG_LVEL="DEBUG")
    expected = ".env line 1: BACKUP_KEP is no setting; did you mean BACKUP_KEEP?"
    assert (expected,) == settings.slips
    assert (expected,) == settings.model_copy(update={"port": 1}).slips
    assert () == Settings().slips


def test_every_bad_setting_is_named_and_no_value_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All at once, by the name it is set with."""
    with pytest.raises(Misconfigured) as refused:
        with_env(monkeypatch, PORT="hunter2", RETRY_LIMIT="0", COALESCE_SECONDS="inf")
    text = str(refused.value)
    assert all(name in text for name in ("PORT", "RETRY_LIMIT", "COALESCE_SECONDS"))
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("values", "engine"),
    [
        ({}, "local"),
        ({"OPENAI_API_KEY": "k"}, "responses"),
        ({"OPENAI_API_KEY": "k", "ANSWER_ENGINE": "local"}, "local"),
        ({"ANSWER_ENGINE": "chat", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "chat"),
    ],
)
def test_the_engine_follows_from_the_key(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], engine: str
) -> None:
    """`auto` is the vendor with a key, and our own matcher without."""
    assert engine == with_env(monkeypatch, **values).engine_name


@pytest.mark.parametrize("engine", ["responses", "chat"])
def test_an_engine_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """It is said at the start and not at the first message."""
    with pytest.raises(Misconfigured, match=f"ANSWER_ENGINE={engine} needs .*OPENAI_API_KEY"):
        with_env(monkeypatch, ANSWER_ENGINE=engine)


@pytest.mark.parametrize("name", ["META_APP_SECRET", "META_VERIFY_TOKEN"])
def test_the_daemon_names_the_secret_it_lacks(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By its name, with where to get it."""
    others = {key: value for key, value in SECRETS.items() if key != name}
    settings = with_env(monkeypatch, **others)
    with pytest.raises(Misconfigured, match=f"{name} is not set. Where to get it"):
        settings.require_for_daemon()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"META_GRAPH_URL": "http://127.0.0.1:9"}, "META_GRAPH_URL"),
        ({"META_GRAPH_URL": "https://localhost"}, "META_GRAPH_URL"),
        ({}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://bot.example.com"}, "PUBLIC_URL"),
    ],
)
def test_prod_refuses_what_is_unsafe(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    """No sandbox and no plain HTTP in prod."""
    settings = with_env(monkeypatch, APP_ENV="prod", **SECRETS, **values)
    with pytest.raises(Misconfigured, match=named):
        settings.require_for_daemon()


def test_safe_settings_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev asks for the secrets only, prod for https too."""
    with_env(monkeypatch, **SECRETS).require_for_daemon()
    public = with_env(monkeypatch, APP_ENV="prod", PUBLIC_URL="https://bot.example.com")
    public.require_for_daemon()


def test_a_clients_own_token_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The shared one is for those without their own."""
    assert load_settings().token_for(None) is None
    settings = with_env(monkeypatch, META_ACCESS_TOKEN="shared")
    own = OwnToken(1, "own", Keyring(tmp_path / "x.db"))
    assert ("own", "shared") == (settings.token_for(own), settings.token_for(None))


def test_customers_are_hashed_under_a_key_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app secret is stable; without one there is no key."""
    assert load_settings().hash_key == b""
    assert with_env(monkeypatch, META_APP_SECRET="s").hash_key == b"s"


@pytest.mark.parametrize("name", ["META_GRAPH_URL", "OPENAI_BASE_URL", "PUBLIC_URL"])
@pytest.mark.parametrize("url", ["foo", "localhost:11434", "ftp://example.com", "https://"])
def test_an_address_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    """It is said at the start, by the setting's name, and not by each send that fails."""
    with pytest.raises(Misconfigured, match=f"{name}.*must be an address"):
        with_env(monkeypatch, **{name: url})


def test_credentials_are_weaker_than_anything_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One file for each secret, the line's end aside; an empty file is none."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    names = ("META_APP_SECRET", "META_VERIFY_TOKEN", "META_ACCESS_TOKEN")
    for name in names:
        (credentials / name).write_text(f"{name} of a file\n")
    (credentials / "OPENAI_API_KEY").touch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    Path(".env").write_text("META_VERIFY_TOKEN=of .env\n")
    settings = with_env(monkeypatch, META_ACCESS_TOKEN="of the environment")
    found = [getattr(settings, name.lower()).get_secret_value() for name in names]
    assert ["META_APP_SECRET of a file", "of .env", "of the environment"] == found
    assert (None, "local") == (settings.openai_api_key, settings.engine_name)


def test_credentials_that_cannot_be_read_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A missing directory, or a file of bytes: one line that names it."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "nowhere"))
    with pytest.raises(Misconfigured, match="nowhere: there is no such directory"):
        load_settings()
    (tmp_path / "META_APP_SECRET").write_bytes(b"\xff")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(Misconfigured, match=f"A file in {tmp_path} cannot be read"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "more than 0"),
        ("-1", "more than 0"),
        ("nan", "finite"),
        ("40000", "36500 or less"),
        ("two weeks", "must be a number"),
    ],
)
def test_a_retention_that_keeps_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    """Nobody deletes everything by a slip."""
    with pytest.raises(Misconfigured, match=f"RETENTION_DAYS.*{reason}"):
        with_env(monkeypatch, RETENTION_DAYS=text)
    monkeypatch.delenv("RETENTION_DAYS")
    assert 14 == load_settings().retention_days
    assert 0.5 == with_env(monkeypatch, RETENTION_DAYS="0.5").retention_days
