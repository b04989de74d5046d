"""`released service start`, `stop`, `restart`, `reload`, `install`: who may, what is done."""

import os

import pytest

from released_cli import service
from released_cli.serving import units
from released_cli.serving.units import parse_moment, parse_show
from tests.doubles.backup_kit import MOMENT
from tests.doubles.command_line import Shell, assert_refused, run_quickly
from tests.doubles.fake_systemd import STAMP, FakeSystemd


class TestOrders:
    @pytest.mark.parametrize(
        ("verb", "names"),
        [
            ("start", "released.socket released.service"),
            ("stop", "released.socket released.service"),
            ("restart", "released.service"),
            ("reload", "released.service"),
        ],
    )
    def test_systemd_is_told(
        self, shell: Shell, systemd: FakeSystemd, verb: str, names: str
    ) -> None:
        """And asked afterwards what became of it."""
        done = shell.must("service", verb)
        assert ("", "released.service is active.\n") == (done.out, done.err)
        assert f"{verb} {names}" in systemd.list_calls()

    def test_a_refusal_is_one_line(self, shell: Shell, systemd: FakeSystemd) -> None:
        """The first that systemd says, and where to look."""
        systemd.put("said", "Job for released.service failed.\nSee systemctl status.\n")
        systemd.put("code", "1")
        result = shell.run("service", "restart")
        assert_refused(result, 1, "Job for released.service failed.", "released service logs")
        systemd.put("said", "")
        assert_refused(shell.run("service", "restart"), 1, "it says nothing")

    @pytest.mark.parametrize("verb", ["start", "stop", "restart", "reload", "install"])
    def test_only_root_may(
        self, shell: Shell, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        """With the command that may; nothing is tried."""
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert_refused(shell.run("service", verb), 1, f"sudo released service {verb}")
        assert ["is-system-running"] == systemd.list_calls()

    def test_systemd_may_take_too_long(
        self, shell: Shell, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A question is not waited for without end."""
        monkeypatch.setattr(units, "ASK_S", 0.2)
        (systemd.folder / "systemctl").write_text("#!/bin/sh\nexec sleep 60\n")
        assert_refused(shell.run("service", "status"), 1, "did not answer")

    @pytest.mark.parametrize("verb", ["status", "logs", "install", "restart"])
    def test_only_on_the_server(self, shell: Shell, verb: str) -> None:
        """A machine far away has its own systemd."""
        result = shell.run("--url", "https://bot.example.com", "service", verb)
        assert_refused(result, 2, f"service {verb} works on this machine only")


class TestInstall:
    def test_it_is_the_script_with_the_operators_options(self, shell: Shell) -> None:
        """A dry run needs neither root, systemd nor secrets, and shows what would be done."""
        settings = {"PATH": os.environ["PATH"]}
        done = run_quickly(
            shell.folder, "service", "install", "--dry-run", "--no-input", settings=settings
        )
        assert 0 == done.code, done.err
        assert "restart released.service" in done.out
        done = run_quickly(shell.folder, "service", "install", "--dry-run", "--nonsense")
        assert (2, True) == (done.code, "scripts/install.sh" in done.err)

    def test_without_the_script_it_says_where_it_is(
        self, shell: Shell, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Or without a shell that could run it."""
        assert systemd.path
        monkeypatch.setattr(service, "__file__", str(shell.folder / "released_cli" / "x.py"))
        assert_refused(shell.run("service", "install"), 1, "sudo ./scripts/install.sh")
        deployed = shell.folder / "released_cli" / "_deploy" / "scripts"
        deployed.mkdir(parents=True)
        (deployed / "install.sh").write_text("")
        monkeypatch.setenv("PATH", "/nonexistent")
        assert_refused(shell.run("service", "install", "--dry-run"), 1, "bash is needed")


def test_what_systemd_prints_is_read_leniently() -> None:
    """A moment as it writes one; a block of nobody is passed over."""
    assert ["a"] == [unit.name for unit in parse_show("Names=x\n\nId=a\nnonsense\n")]
    assert float(int(MOMENT)) == parse_moment(STAMP)
    assert parse_moment("n/a") is None
