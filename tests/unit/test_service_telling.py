"""How the service reads to a person, and where its health is asked for."""

from typing import Any

import pytest

from released_cli.serving.health import find_address
from released_cli.serving.telling import tell_service
from released_cli.serving.units import Unit

NOW = 1_780_000_000.0
AN_HOUR_AGO = "2026-05-28T19:26:40Z"
IN_AN_HOUR = "2026-05-28T21:26:40Z"
JOB = {"last": AN_HOUR_AGO, "result": "success", "next": IN_AN_HOUR}


def tell(*, keeps_backups: bool = True, **parts: Any) -> dict[str, str]:
    document = {
        "systemd": True,
        "units": [{"name": "released.socket", "state": "active", "detail": None}],
        "daemon": {
            "state": "active",
            "since": AN_HOUR_AGO,
            "restarts": 2,
            "memory_bytes": 88_000_000,
            "says": "Serving",
        },
        "version": {"running": "1", "installed": "1"},
        "health": "ok",
        "backup": {**JOB, "newest": AN_HOUR_AGO},
        "maintenance": JOB,
        "faults": [],
    }
    return tell_service(document | parts, keeps_backups=keeps_backups, now=NOW)


def test_each_part_is_a_line() -> None:
    """With ages in words."""
    assert {
        "daemon": "running for 60 min, 2 restarts by systemd, 88.0 MB, Serving",
        "socket": "active (-)",
        "health": "ok",
        "version": "1",
        "backup": "newest made 60 min ago; timer: done 60 min ago; next in 60 min",
        "maintenance": "done 60 min ago; next in 60 min",
    } == {name: text.replace("1 h", "60 min") for name, text in tell().items()}


def test_without_systemd_no_backup_is_said_well() -> None:
    """Neither a word is missing, nor a command that makes one as things are."""
    none: dict[str, Any] = {"systemd": False, "backup": {"newest": None}}
    told = tell(**none)
    assert "none found in BACKUP_DIR; released db backup makes one" == told["backup"]
    told = tell(**none, keeps_backups=False)
    assert told["backup"].startswith("none each night: BACKUP_DIR is not set; released db backup ")


def test_what_did_not_happen_is_told_too() -> None:
    """No run yet, a run that failed, none to come, another version."""
    never = {"last": None, "result": None, "next": None}
    failed = JOB | {"result": "exit-code"}
    told = tell(
        backup={**failed, "newest": None},
        maintenance=never,
        version={"running": "1", "installed": "2"},
        daemon={
            "state": "active",
            "since": None,
            "restarts": 0,
            "memory_bytes": None,
            "says": None,
        },
    )
    assert told["backup"].startswith("FAILED (exit-code)")
    assert "not run since the machine's start; no next run" == told["maintenance"]
    assert ("1 runs, 2 is installed", "running") == (told["version"], told["daemon"])


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8080 (Stream)", ("127.0.0.1", 8080)),
        ("0.0.0.0:80 (Stream)", ("127.0.0.1", 80)),
        ("[::]:8443 (Stream)", ("::1", 8443)),
        ("[::1]:8443 (Stream)", ("::1", 8443)),
        ("/run/x.sock (Stream)", ("bot", 9)),
        ("", ("bot", 9)),
    ],
)
def test_health_is_asked_where_the_socket_listens(listen: str, expected: tuple[str, int]) -> None:
    """By an address of this machine; without a socket unit where the settings say."""
    assert expected == find_address(listen, host="bot", port=9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", 7), ("[not set]", None), ("", None), ("18446744073709551615", None)],
)
def test_a_number_that_is_none(text: str, expected: int | None) -> None:
    """What is not set is written in several ways."""
    assert expected == Unit("x", {"MemoryCurrent": text}).count("MemoryCurrent")
    assert "unknown" == Unit("x", {}).state
