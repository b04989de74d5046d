"""Files with secrets in them: whole, and in production for no other eyes; else one clear line."""

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.core import env_files
from daemon.core.closed_files import find_open_mode, is_mounted_for_us
from daemon.core.env_files import refuse_half_written, refuse_open_settings
from daemon.core.errors import Misconfigured
from daemon.core.settings import Settings, load_settings
from daemon.main import main
from tests.doubles.command_line import Shell
from tests.doubles.new_database import copy_new_database
from tests.doubles.stage import SECRET, VERIFY_TOKEN

PROD = f"""APP_ENV=prod
PUBLIC_URL=https://bot.example.com
META_APP_SECRET={SECRET}
META_VERIFY_TOKEN={VERIFY_TOKEN}
PORT=0
"""
OURS = 12345


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a `.env` of production, closed, and its database."""
    for name in (*Settings.model_fields, "credentials_directory"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(PROD)
    (tmp_path / ".env").chmod(0o600)
    copy_new_database(tmp_path / "released.db")
    return tmp_path


def give_to(path: Path, uid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, uid)
    elif uid == 0:
        pytest.skip("only root may give files away")


def refuse_daemon() -> str:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert isinstance(ended.value.code, str)
    return ended.value.code


@pytest.mark.parametrize("name", [".env", "released.db", "released.key"])
@pytest.mark.parametrize(("mode", "wanted"), [(0o644, "600"), (0o640, "600"), (0o660, "600")])
def test_both_programs_refuse_in_prod_what_others_can_read(
    place: Path, shell: Shell, name: str, mode: int, wanted: str
) -> None:
    """The line has the path, the mode and the command; the same command then works."""
    path = place / name
    path.touch()
    give_to(path, OURS)
    path.chmod(mode)
    refused = shell.run("client", "list")
    for line in (refuse_daemon(), refused.err):
        assert f"{name} has mode {mode:04o}" in line
        assert f"chmod {wanted} " in line
        assert SECRET not in line
    assert (1, "", 1) == (refused.code, refused.out, len(refused.err.splitlines()))
    path.chmod(0o600)
    shell.must("client", "list")


@pytest.fixture
def shell(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(place, monkeypatch, capsys)


def test_in_dev_nobody_is_stopped(place: Path, shell: Shell) -> None:
    """A file of a laptop's umask is no reason not to try it."""
    (place / ".env").write_text("APP_ENV=dev\n")
    for name in (".env", "released.db"):
        (place / name).chmod(0o644)
    shell.must("client", "list")


@pytest.mark.parametrize(
    ("uid", "mode", "found"),
    [
        (OURS, 0o600, None),
        (OURS, 0o400, None),
        (OURS, 0o640, (0o640, 0o600)),
        (OURS, 0o604, (0o604, 0o600)),
        (0, 0o600, None),
        (0, 0o640, None),
        (0, 0o440, None),
        (0, 0o660, (0o660, 0o640)),
        (0, 0o644, (0o644, 0o640)),
    ],
)
def test_what_is_open(tmp_path: Path, uid: int, mode: int, found: tuple[int, int] | None) -> None:
    """Root may hand a file to a service by its group; anybody else's is for its owner alone."""
    path = tmp_path / "x"
    path.touch()
    give_to(path, uid)
    path.chmod(mode)
    assert found == find_open_mode(path)


def test_what_is_not_there_is_not_open(tmp_path: Path) -> None:
    """Its reader says that."""
    assert None is find_open_mode(tmp_path / "nothing")
    assert not is_mounted_for_us(tmp_path / "nothing")
    assert not is_mounted_for_us(tmp_path)


def test_only_what_was_put_before_us_is_closed_by_its_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ProtectSystem=strict shows the system's own disk read-only too; that closes nothing."""
    files = [tmp_path / "key", Path("/"), Path("/proc/self/status")]
    files[0].touch()
    apart = [path.stat().st_dev != Path("/").stat().st_dev for path in files]
    assert [False, True] == apart[1:]
    assert [False] * 3 == [is_mounted_for_us(path) for path in files]
    read_only = SimpleNamespace(f_flag=os.ST_RDONLY)
    monkeypatch.setattr(os, "statvfs", lambda _path: read_only)
    assert apart == [is_mounted_for_us(path) for path in files]


def test_credentials_that_cannot_be_listed_are_refused(tmp_path: Path) -> None:
    """In one line with their setting."""
    folder = tmp_path / "gone"
    with pytest.raises(Misconfigured, match=f"CREDENTIALS_DIRECTORY={folder} cannot be read: No"):
        refuse_open_settings(tmp_path / ".env", folder, names=())


def test_credentials_are_looked_at_by_name(
    place: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are settings; what a container engine mounts read-only is closed by its mount."""
    credentials = place / "credentials"
    (credentials / "META_ACCESS_TOKEN.d").mkdir(parents=True)
    for name in ("OPENAI_API_KEY", "somebody-elses"):
        (credentials / name).write_text("sk-secret\n")
        (credentials / name).chmod(0o644)
    shell.set(CREDENTIALS_DIRECTORY=str(credentials))
    refused = shell.run("client", "list")
    assert f"{credentials}/OPENAI_API_KEY has mode 0644" in refused.err
    assert "sk-secret" not in refused.err
    with monkeypatch.context() as patch:
        patch.setattr(env_files, "is_mounted_for_us", lambda _path: True)
        shell.must("client", "list")
    (credentials / "OPENAI_API_KEY").chmod(0o600)
    shell.must("client", "list")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('PORT=1\nMETA_APP_SECRET="hunter2\n', 2),
        ("PORT=1\n\n# the secret\nMETA_APP_SECRET\n", 4),
        ("PORT=1\nMETA_ACCESS_TOKEN=\nEAABhunter2", 3),
        ("=hunter2\n", 1),
        ("PORT=1\n\n\nPO RT=hunter2\nHOST=x\n", 4),
        ("A='x\ny'\nhunter2 hunter2\n", 3),
    ],
)
def test_a_half_written_file_is_refused_with_its_line(
    place: Path, shell: Shell, text: str, line: int
) -> None:
    """Both programs, in dev too, and what stands there is not quoted: it may be a secret."""
    (place / ".env").write_text(text)
    refused = shell.run("client", "list")
    for said in (refused.err, refuse_daemon()):
        assert f".env, line {line}, is no NAME=value" in said
        assert "hunter2" not in said
        assert 1 == len(said.splitlines())
    assert 1 == refused.code


def test_a_folder_is_no_file_of_settings(place: Path, shell: Shell) -> None:
    """It would else count as no settings at all, in silence; both programs refuse it."""
    (place / ".env").unlink()
    (place / ".env").mkdir()
    refused = shell.run("client", "list")
    for said in (refused.err, refuse_daemon()):
        assert ".env is a folder, and settings are read from a file." in said
        assert 1 == len(said.splitlines())
    assert 1 == refused.code


def test_a_whole_file_is_taken(tmp_path: Path) -> None:
    """Comments, empty values, quotes over lines, `export`, spaces, no end of line."""
    path = tmp_path / "x.env"
    path.write_text("# c\n\nexport PORT=1\nHOST=\nA = 'x\ny' # c\nWORKERS=3  # c\nB=a b c")
    path.chmod(0o644)
    refuse_half_written(path)
    refuse_half_written(tmp_path / "nothing.env")
    assert (1, 3) == (load_settings(path).port, load_settings(path).workers)


def test_a_named_settings_file_is_checked_too(place: Path, shell: Shell) -> None:
    """`--env-file` is the `.env` then, whatever it is called."""
    other = place / "released.env"
    other.write_text(PROD)
    give_to(other, OURS)
    other.chmod(stat.S_IRUSR | stat.S_IROTH)
    assert "" == shell.must("client", "list", "--json", "--quiet").err
    (place / ".env").unlink()
    shell.set(APP_ENV="prod")
    shell.must("client", "list")
    assert "released.env has mode 0404" in shell.run("--env-file", str(other), "client", "list").err


def test_a_secrets_key_that_is_none_is_refused(place: Path, shell: Shell) -> None:
    """By its name and with a way to make one; never with a piece of it."""
    for wrong in ("hunter2", "hunter2,hunter2"):
        shell.set(SECRETS_KEY=wrong)
        refused = shell.run("client", "list")
        assert "SECRETS_KEY must be one key or several" in refused.err
        assert "hunter2" not in refused.err
    shell.set(SECRETS_KEY="# none yet")
    shell.must("client", "list")
    assert None is load_settings(place / ".env").secrets_key
