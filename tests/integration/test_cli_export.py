"""`released export` as an operator runs it: what it writes, where, and what it leaves out."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.doubles.command_line import (
    PROGRAM,
    ROOT,
    Result,
    Shell,
    assert_refused,
    clean_environment,
    measured,
)
from tests.doubles.new_database import copy_new_database

HAS_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@pytest.fixture
def shell(shell: Shell) -> Shell:
    copy_new_database(shell.folder / "released.db")
    return shell


def last_line(result: Result) -> str:
    return result.err.splitlines()[-1]


@pytest.mark.usefixtures("fleet")
def test_export_puts_faqs_beside_the_file(shell: Shell) -> None:
    """Each client's in a file of its own, named as the fleet will see it."""
    (shell.folder / "out").mkdir()
    done = shell.must("export", "--output", "out/fleet.toml", "--faqs-dir", "out/faqs")
    assert ("", "Wrote 2 clients to out/fleet.toml.\n") == (done.out, done.err)
    exported = tomllib.loads((shell.folder / "out/fleet.toml").read_text())
    assert ["faqs/1.json", "faqs/2.json"] == [client["faqs"] for client in exported["clients"]]
    assert "no differences" in shell.must("plan", "out/fleet.toml").out


@pytest.mark.usefixtures("fleet")
def test_export_to_stdout_names_faqs_from_the_working_directory(shell: Shell) -> None:
    """What is piped back in finds them."""
    exported = shell.must("export", "--output", "-", "--faqs-dir", "faqs").out
    assert 'faqs = "faqs/1.json"' in exported
    assert "no differences" in shell.must("plan", "-", stdin=exported.encode()).out


@pytest.mark.usefixtures("fleet")
def test_an_export_replaces_a_file_whole(shell: Shell) -> None:
    """When told to; its mode stays, a link goes on pointing there, and nothing is left behind."""
    target = shell.folder / "old.toml"
    target.write_text("old")
    target.chmod(0o640)
    (shell.folder / "link.toml").symlink_to(target)
    shell.must("export", "--output", "link.toml", "--force")
    assert "no differences" in shell.must("plan", "old.toml").out
    assert (0o640, True) == (
        target.stat().st_mode & 0o777,
        (shell.folder / "link.toml").is_symlink(),
    )
    assert [] == list(shell.folder.glob(".*"))


@pytest.mark.usefixtures("fleet")
def test_what_people_wrote_is_not_exported_over(shell: Shell) -> None:
    """Not without --force, FAQs neither; then nothing is written. The very same is no matter."""
    export = ("export", "--output", "all.toml", "--faqs-dir", "faqs")
    assert shell.must(*export) == shell.must(*export)
    files = [shell.folder / name for name in ("faqs/1.json", "faqs/2.json", "all.toml")]
    exported = [file.read_bytes() for file in files]
    for edited, told in (
        (files[2:], "all.toml is there already. Name another file, or replace it with --force."),
        (files[:1], "faqs/1.json is there already. Name another file, or replace it with --force."),
        (files[1:], "faqs/2.json and 1 other file are there already, with other content. "),
    ):
        files[0].unlink()
        for file in edited:
            file.write_text("mine")
        assert_refused(shell.run(*export), 1, told)
        assert (files[0] in edited) == files[0].exists()
        assert ["mine"] * len(edited) == [file.read_text() for file in edited]
        shell.must(*export, "--force")
        assert exported == [file.read_bytes() for file in files]
    assert_refused(shell.run("export", "--force"), 2, "--force goes with --output FILE")


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("output", ["no/all.toml", ".", pytest.param("/dev/full", marks=HAS_FULL)])
def test_an_export_that_fails_takes_back_what_it_made(shell: Shell, output: str) -> None:
    """Folders and FAQs go, and what was replaced is back, however late it fails."""
    before = set(shell.folder.rglob("*"))
    refused = shell.run("export", "--output", output, "--faqs-dir", "new/faqs")
    assert_refused(refused, 1, f"{output} cannot be written: ")
    assert before == set(shell.folder.rglob("*"))
    shell.must("export", "--faqs-dir", "faqs")
    shell.write("faqs/1.json", "mine")
    (shell.folder / "faqs/2.json").unlink()
    assert 1 == shell.run("export", "--output", output, "--faqs-dir", "faqs", "--force").code
    left = {file.name: file.read_text() for file in (shell.folder / "faqs").iterdir()}
    assert {"1.json": "mine"} == left


@HAS_FULL
@pytest.mark.usefixtures("fleet")
def test_an_empty_file_is_nobodys_text(shell: Shell) -> None:
    """What `mktemp` or a shell's > has made is written to without --force; a failure leaves it."""
    shell.write("new.toml", "")
    (shell.folder / "faqs").mkdir()
    shell.write("faqs/1.json", "")
    assert 1 == shell.run("export", "--output", "/dev/full", "--faqs-dir", "faqs").code
    assert "" == (shell.folder / "faqs/1.json").read_text()
    shell.must("export", "--output", "new.toml", "--faqs-dir", "faqs")
    assert "no differences" in shell.must("plan", "new.toml").out
    assert 0 == export_into(shell, "o.toml", "--output", "/dev/stdout").returncode
    assert "no differences" in shell.must("plan", "o.toml").out


@pytest.mark.usefixtures("fleet")
def test_the_fleet_does_not_replace_its_faqs(shell: Shell) -> None:
    """One file for both, by whatever name, is refused before anything is written."""
    (shell.folder / "fq").mkdir()
    (shell.folder / "link.toml").symlink_to("fq/2.json")
    told = "would be written over the FAQs in fq/{}.json. Name another file."
    for output, number in (("fq/1.json", 1), ("fq/../fq/1.json", 1), ("link.toml", 2)):
        refused = shell.run("export", "--output", output, "--faqs-dir", "fq", "--force")
        assert_refused(refused, 1, f"{output} {told.format(number)}")
    assert [] == list((shell.folder / "fq").iterdir())
    piped = export_into(shell, "fq/1.json", "--faqs-dir", "fq")
    assert (1, True) == (piped.returncode, told.format(1) in piped.stderr)
    assert ["1.json"] == [file.name for file in (shell.folder / "fq").iterdir()]


def export_into(shell: Shell, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Export as a shell does it to whom > names a file."""
    settings = clean_environment(PYTHONPATH=str(ROOT), **measured())
    with (shell.folder / name).open("wb") as file:
        return subprocess.run(
            [*PROGRAM, "export", *options],
            cwd=shell.folder,
            env=settings,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


def test_an_export_that_cannot_be_written_is_one_line(shell: Shell) -> None:
    """A folder in the way, or none at all, is told without a traceback, and leaves nothing."""
    (shell.folder / "taken").mkdir()
    for output in ("taken", "no/where.toml"):
        refused = shell.run("export", "--output", output)
        assert_refused(refused, 1, f"{output} cannot be written: ")
    shell.write("file", "")
    assert_refused(shell.run("export", "--faqs-dir", "file"), 1, "file cannot be made a folder")
    assert 0 == shell.run("export", "--output", "/dev/null").code


def test_an_export_whose_reader_has_gone_ends_quietly(shell: Shell) -> None:
    """`released export | head` says nothing about the pipe; it has done what it was told to."""
    theirs, ours = os.pipe()
    os.close(theirs)
    command = [*PROGRAM, "export", "--faqs-dir", "faqs"]
    settings = clean_environment(PYTHONPATH=str(ROOT), **measured())
    done = subprocess.run(
        command, cwd=shell.folder, env=settings, stdout=ours, stderr=subprocess.PIPE, check=False
    )
    os.close(ours)
    assert (0, b"") == (done.returncode, done.stderr)
    assert (shell.folder / "faqs").is_dir()


@pytest.mark.usefixtures("fleet")
def test_access_tokens_stay_where_they_are(shell: Shell) -> None:
    """An export says whose it leaves out, in the file and on stderr; planned, they are the same."""
    shell.write("token", "EAAsecret")
    shell.must("client", "update", "1", "--access-token-file", "token")
    done = shell.must("export", "--output", "export.toml")
    assert "the access tokens of Bar Luna." in done.err
    text = (shell.folder / "export.toml").read_text()
    assert (1, 0) == (text.count("# Its own access token"), text.count("EAAsecret"))
    assert "no differences" in shell.must("plan", "export.toml").out


def test_an_empty_database_exports_a_fleet_of_none(shell: Shell) -> None:
    """It can be planned like any other; with --prune it would end whoever came since."""
    shell.write("none.toml", shell.must("export").out)
    assert "There are no differences; 0 unchanged.\n" == shell.must("plan", "none.toml").out
    assert "no clients." == last_line(shell.must("apply", "none.toml"))
