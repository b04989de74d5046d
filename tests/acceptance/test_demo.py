"""`released demo` as a process: it answers, it serves, it leaves nothing behind."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.doubles import warm_start
from tests.doubles.command_line import PROGRAM, Result, clean_environment, measured
from tests.doubles.running import read_line, running

HOURS = "Abrimos de lunes a viernes de 9:00 a 22:00 y los sábados de 10:00 a 23:00."
NUMBER = "631261586727899"
HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Stand in for the machine's folder of temporary files, so that what stays there shows."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def demo(
    temporary: Path, *options: str, program: Sequence[str] = (), **settings: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run it; by a `program` that need not start anew, unless another is named."""
    begun = program or (*warm_start.words().split(), "released_cli")
    environment = clean_environment(TMPDIR=str(temporary), **settings)
    return running((*begun, "demo", *options), temporary.parent, environment)


def ask(temporary: Path, text: str, *, program: Sequence[str] = (), **settings: str) -> Result:
    with demo(temporary, "--ask", text, program=program, **settings) as process:
        out, err = process.communicate(timeout=90)
    return Result(process.returncode, out, err)


def find_daemons(temporary: Path) -> list[int]:
    """Find the processes that work in the demo's folder, alive or being replaced."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(temporary) in str((entry / "cwd").readlink()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def assert_nothing_left(temporary: Path) -> None:
    assert [] == find_daemons(temporary)
    assert [] == list(temporary.iterdir())


def test_ask_prints_the_restaurants_hours(temporary: Path) -> None:
    """The contract's own question: the reply alone on stdout, exit 0, nothing left."""
    result = ask(temporary, "¿Cuál es vuestro horario?", program=PROGRAM, **measured())
    assert (0, "") == (result.code, result.err)
    assert result.out.startswith("¡Hola!")
    assert HOURS in result.out
    assert_nothing_left(temporary)


def test_ask_ignores_the_settings_of_the_shell(temporary: Path) -> None:
    """No key, no account: what this machine is configured for stays out of the demo."""
    (temporary.parent / ".env").write_text("PORT=nonsense\n", encoding="utf-8")
    result = ask(
        temporary,
        "¿A qué hora abrís?",
        APP_ENV="prod",
        ANSWER_ENGINE="responses",
        DATABASE_URL="mysql://elsewhere/x",
        META_GRAPH_URL="http://127.0.0.1:9",
    )
    assert (0, "") == (result.code, result.err)
    assert HOURS in result.out
    assert [".env", "temporary"] == sorted(file.name for file in temporary.parent.iterdir())


@pytest.mark.parametrize("name", HEARD, ids=lambda name: name.name)
def test_the_demo_serves_until_it_is_told_to_end(temporary: Path, name: signal.Signals) -> None:
    """It prints the page's address, serves it, and a signal ends both and removes everything."""
    with demo(temporary) as process:
        url = read_line(process)
        with urllib.request.urlopen(url) as page:
            assert 200 == page.status
        wrote = {"phone_number_id": NUMBER, "from": "34600000001", "text": "¿Tenéis menú del día?"}
        request = urllib.request.Request(
            f"{url}chat/messages",
            data=json.dumps(wrote).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as taken:
            assert 200 == taken.status
        query = f"phone_number_id={NUMBER}&customer=34600000001&direction=out&wait=30"
        with urllib.request.urlopen(f"{url}chat/messages?{query}") as answer:
            assert "14,50" in json.load(answer)["messages"][0]["text"]
        process.send_signal(name)
        _, said = process.communicate(timeout=30)
    assert 130 == process.returncode
    assert "Traceback" not in said
    assert said.endswith("The demo is over.\n")
    assert_nothing_left(temporary)


def test_ctrl_c_while_it_starts_ends_it(temporary: Path) -> None:
    """A signal that comes before the daemon is up leaves nothing behind either."""
    with demo(temporary) as process:
        while not find_daemons(temporary):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert (130, "", "The demo is over.\n") == (process.returncode, out, said)
    assert_nothing_left(temporary)


def test_a_daemon_that_dies_is_told(temporary: Path) -> None:
    """When the daemon ends by itself the demo says so, exits 1 and cleans up."""
    with demo(temporary) as process:
        read_line(process)
        for pid in find_daemons(temporary):
            os.kill(pid, signal.SIGKILL)
        _, said = process.communicate(timeout=30)
    assert 1 == process.returncode
    assert "released: The demo's daemon stopped:" in said.splitlines()[-1]
    assert_nothing_left(temporary)
