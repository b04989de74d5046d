"""The files of an export as they are replaced, kept and given back, whatever happens meanwhile."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from daemon.core.errors import Invalid
from released_cli.fleet_writing import all_or_nothing, write_files

OLD = "old " * 7_500
"""30,000 bytes: more than the disk that has filled up takes."""

FILLED_UP_BYTES = 4096

MORE_THAN_A_PIPE_HOLDS = "x" * 2**20


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old"
    path.write_text(OLD)
    path.chmod(0o640)
    return path


@pytest.fixture(params=["linked", "copied"])
def kept_both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "copied":
        refuse_links(monkeypatch)


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a file system that knows no second names."""

    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


@contextmanager
def full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILLED_UP_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def export_interrupted(files: list[tuple[Path, str]], meanwhile: Callable[[], object]) -> None:
    """Write all, let something happen, and press Ctrl-C."""
    with all_or_nothing() as undo:
        write_files(files, force=True, undo=undo)
        assert ["new"] * len(files) == [path.read_text() for path, _ in files]
        meanwhile()
        raise KeyboardInterrupt


def list_texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_what_cannot_be_encoded_replaces_nothing(old: Path) -> None:
    """It leaves no half of a file either."""
    files = [(old.with_name("new"), "new"), (old, "new\ud800")]
    with pytest.raises(UnicodeEncodeError), all_or_nothing() as undo:
        write_files(files, force=True, undo=undo)
    assert {"old": OLD} == list_texts(old.parent)


@pytest.mark.usefixtures("kept_both_ways")
def test_a_file_is_given_back_whole_on_a_full_disk(old: Path) -> None:
    """It was kept while there was room, its mode too; nothing stays beside it."""
    files = [(old, "new"), (old.with_name("made"), "new")]
    with pytest.raises(KeyboardInterrupt), ExitStack() as disk:
        export_interrupted(files, lambda: disk.enter_context(full_disk()))
    assert {"old": OLD} == list_texts(old.parent)
    assert 0o640 == old.stat().st_mode & 0o777


@pytest.mark.usefixtures("kept_both_ways")
def test_nothing_is_kept_once_all_is_well(old: Path) -> None:
    """What was kept goes when nothing can fail any more."""
    with all_or_nothing() as undo:
        write_files([(old, "new")], force=True, undo=undo)
        assert OLD in list_texts(old.parent).values()
    assert {"old": "new"} == list_texts(old.parent)


def test_what_cannot_be_kept_is_not_replaced(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for the copy: refused as it would be for the file, and no half of it stays."""
    refuse_links(monkeypatch)
    refused = pytest.raises(Invalid, match="old cannot be written")
    with refused, full_disk(), all_or_nothing() as undo:
        write_files([(old, "new")], force=True, undo=undo)
    assert {"old": OLD} == list_texts(old.parent)


def test_what_was_not_replaced_is_left_alone(old: Path) -> None:
    """What others write or make while the export comes to its failure stays theirs."""
    pipe, edited, made = (old.with_name(name) for name in ("pipe", "edited", "made"))
    edited.write_text("before")
    os.mkfifo(pipe)

    def meddle() -> None:
        with pipe.open("rb"):
            assert "new" == old.read_text()
            edited.write_text("theirs")
            made.write_text("theirs")

    files = [(old, "new"), (pipe, MORE_THAN_A_PIPE_HOLDS), (edited, "new"), (made, "new")]
    with ThreadPoolExecutor() as threads:
        meddling = threads.submit(meddle)
        with pytest.raises(Invalid, match="pipe cannot be written"), all_or_nothing() as undo:
            write_files(files, force=True, undo=undo)
        meddling.result()
    assert {"old": OLD, "edited": "theirs", "made": "theirs"} == list_texts(old.parent)


def test_a_file_that_cannot_be_replaced_is_left_alone(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bind mount is busy; it can be written to all the same, so the undo must not."""

    def replace(*_: object) -> None:
        old.write_text("theirs")
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "replace", replace)
    refused = pytest.raises(Invalid, match="old cannot be written: Device or resource busy")
    with refused, all_or_nothing() as undo:
        write_files([(old, "new")], force=True, undo=undo)
    assert {"old": "theirs"} == list_texts(old.parent)


def test_what_cannot_be_given_back_is_kept(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And told of: a folder that has come in its place does not cost the old text."""

    def meddle() -> None:
        old.unlink()
        old.mkdir()

    with pytest.raises(KeyboardInterrupt):
        export_interrupted([(old, "new")], meddle)
    ((name, text),) = list_texts(old.parent).items()
    assert (OLD, f"What {old} held is in {old.with_name(name)}.\n") == (
        text,
        capsys.readouterr().err,
    )
