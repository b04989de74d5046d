"""The file that the shared token stands in: found as settings are read, changed in one place."""

import errno
import os
import stat
from pathlib import Path

import pytest

from daemon.core.credentials.keeping import (
    Home,
    find_home,
    find_lost_group,
    open_slot,
    replace_token,
)
from daemon.core.errors import Conflict, Misconfigured
from daemon.core.placing import part_of, unfinished
from daemon.core.settings import load_settings

OLD, NEW = "EAAold123", "EAAnew456"
LINE = f"META_ACCESS_TOKEN={OLD}\n"


def write(path: Path, content: str | bytes = LINE, *, mode: int = 0o640) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def put(home: Home, *, output: Path | None = None) -> None:
    with open_slot(home, OLD, output=output) as slot:
        slot.put(OLD, NEW)


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        f"# first\r\nHOST=::1\r\n\r\nexport META_ACCESS_TOKEN = '{OLD}'  # of July\r\nPORT=1\r\n",
        f'A="x\ny"\nMETA_ACCESS_TOKEN="{OLD}"',
        f"\ufeff{LINE}# ñ {OLD}\n",
        f"META_ACCESS_TOKEN=\nmeta_access_token={OLD}\n\n\n",
        f"META_ACCESS_TOKEN={OLD}\nMETA_ACCESS_TOKEN={OLD}\n",
    ],
)
def test_only_the_token_changes(tmp_path: Path, content: str) -> None:
    """Every other byte stays, and what settings are read from it is the new token."""
    changed = replace_token(content.encode(), OLD, NEW)
    at = changed.index(NEW.encode())
    assert content.encode() == changed[:at] + OLD.encode() + changed[at + len(NEW) :]
    write(tmp_path / ".env", changed)
    read = load_settings(tmp_path / ".env").meta_access_token
    assert read is not None
    assert NEW == read.get_secret_value()


@pytest.mark.parametrize("content", [OLD, f"{OLD}\n", f"  {OLD}\r\n"])
def test_a_file_that_is_the_token(content: str) -> None:
    """As systemd's credentials are; the blanks around it stay."""
    assert content.replace(OLD, NEW).encode() == replace_token(content.encode(), OLD, NEW)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "HOST=::1\n",
        "META_ACCESS_TOKEN=EAAanother\n",
        f"{LINE}META_ACCESS_TOKEN=EAAanother\n",
        f"T={OLD}\nMETA_ACCESS_TOKEN=${{T}}\n",
    ],
)
def test_what_cannot_be_changed_is_refused(content: str) -> None:
    """Another token stands there by now, or a reference to another line."""
    with pytest.raises(Conflict, match="stands there no more, or in a form"):
        replace_token(content.encode(), OLD, NEW)


def test_mode_and_owner_stay(tmp_path: Path) -> None:
    """And a link goes on leading to the file."""
    file = write(tmp_path / "real.env", mode=0o640)
    link = tmp_path / ".env"
    link.symlink_to(file)
    before = file.stat()
    put(find_home(link, {}))
    after = file.stat()
    assert f"META_ACCESS_TOKEN={NEW}\n" == file.read_text(encoding="utf-8")
    assert (before.st_mode, before.st_uid, before.st_gid) == (
        after.st_mode,
        after.st_uid,
        after.st_gid,
    )
    assert link.is_symlink()
    assert [] == list(tmp_path.glob(".*.part"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_the_daemons_user_stays_its_own(tmp_path: Path) -> None:
    """Else the daemon could not read it any more."""
    file = write(tmp_path / ".env")
    os.chown(file, 12345, 12346)
    put(find_home(file, {}))
    assert (12345, 12346) == (file.stat().st_uid, file.stat().st_gid)


def test_a_group_that_cannot_be_kept_costs_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root gives a file to a group it is not in; nobody else's group gets to read it."""

    def refuse(*_args: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    for mode, kept in ((0o640, 0o600), (0o600, 0o600), (0o660, 0o600)):
        env = write(tmp_path / ".env", mode=mode)
        put(find_home(env, {}))
        assert f"META_ACCESS_TOKEN={NEW}\n" == env.read_text()
        assert kept == stat.S_IMODE(env.stat().st_mode)


def test_where_it_comes_from(tmp_path: Path) -> None:
    """The environment wins over the file of settings, and that over a credential."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    secret = write(folder / "META_ACCESS_TOKEN", f"{OLD}\n")
    write(folder / "OTHER", "x")
    given = {"CREDENTIALS_DIRECTORY": str(folder)}
    env = write(tmp_path / ".env", "PORT=1\nMETA_ACCESS_TOKEN=\n")
    assert Home("file", secret) == find_home(env, given)
    write(env)
    assert Home("line", env) == find_home(env, given)
    assert Home("environment", None) == find_home(env, {**given, "meta_access_token": OLD})
    assert Home("line", env) == find_home(env, {**given, "META_ACCESS_TOKEN": ""})


@pytest.mark.parametrize("folder", ["", "nowhere", "empty"])
def test_it_is_set_nowhere(tmp_path: Path, folder: str) -> None:
    """Then there is nothing to exchange."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "META_ACCESS_TOKEN").touch()
    given = {"CREDENTIALS_DIRECTORY": str(tmp_path / folder)} if folder else {}
    with pytest.raises(Misconfigured, match="is not set on this machine"):
        find_home(tmp_path / ".env", given)


def test_the_environment_cannot_be_changed(tmp_path: Path) -> None:
    """Another file can be named, which only its owner reads."""
    home = Home("environment", None)
    with pytest.raises(Misconfigured, match="--output FILE"):
        put(home)
    file = tmp_path / "new"
    put(home, output=file)
    assert (f"{NEW}\n", 0o600) == (file.read_text(), stat.S_IMODE(file.stat().st_mode))


def test_a_file_that_holds_something_else_is_not_overwritten(tmp_path: Path) -> None:
    """One that holds the old token is: it is where that comes from."""
    home = Home("environment", None)
    other = write(tmp_path / "other", "precious")
    with pytest.raises(Conflict, match="something else"):
        put(home, output=other)
    assert "precious" == other.read_text()
    put(home, output=write(tmp_path / "same", OLD))
    assert NEW == (tmp_path / "same").read_text()


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    """Nothing has been exchanged then: a folder that is not there, one in a file's place."""
    for output, words in ((tmp_path / "no" / "new", "no folder"), (tmp_path, "is no file")):
        with pytest.raises(Misconfigured, match=words):
            put(Home("environment", None), output=output)
    gone = tmp_path / "gone" / ".env"
    with pytest.raises(Misconfigured, match=r"no folder.*--output FILE"):
        put(Home("line", gone))


def test_a_file_of_another_user_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would belong to us afterwards, and its daemon could not read it."""
    home = find_home(write(tmp_path / ".env"), {})
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(Misconfigured, match=r"another user.*--output FILE"):
        put(home)
    assert LINE == (tmp_path / ".env").read_text()


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    """The second is told, before it exchanges anything."""
    env = write(tmp_path / ".env")
    with unfinished(env), pytest.raises(Conflict, match="Another process"):
        put(find_home(env, {}))


def test_a_file_that_changed_meanwhile_stays(tmp_path: Path) -> None:
    """What somebody wrote during the exchange is not overwritten."""
    env = write(tmp_path / ".env")
    with open_slot(find_home(env, {}), OLD, output=None) as slot:
        write(env, "META_ACCESS_TOKEN=EAAbyhand\n")
        with pytest.raises(Conflict, match="stands there no more"):
            slot.put(OLD, NEW)
    assert "META_ACCESS_TOKEN=EAAbyhand\n" == env.read_text()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Whole, and nothing beside it."""
    env = write(tmp_path / ".env")
    with open_slot(find_home(env, {}), OLD, output=None) as slot:
        part_of(env).unlink()
        part_of(env).mkdir()
        with pytest.raises(Misconfigured, match="Cannot write"):
            slot.put(OLD, NEW)
        part_of(env).rmdir()
    assert (LINE, [env]) == (env.read_text(), list(tmp_path.iterdir()))


def test_a_group_that_was_lost_is_told(tmp_path: Path) -> None:
    """Who read the file by its group is shut out: the line says what gives it back, if need be."""
    env = write(tmp_path / ".env")
    env.chmod(0o640)
    before = env.stat()
    assert find_lost_group(env, before=before) is None
    env.chmod(0o600)
    mend = f"chgrp {before.st_gid} {env} && chmod 640 {env}"
    assert mend == find_lost_group(env, before=before)
    assert find_lost_group(env, before=env.stat()) is None


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """One line that names it."""
    env = write(tmp_path / ".env", b"A=\xff\n")
    with pytest.raises(Misconfigured, match="not UTF-8"):
        find_home(env, {})
    with pytest.raises(Misconfigured, match="Cannot read /proc/self/mem"):
        find_home(Path("/proc/self/mem"), {})
