"""Programs of ours for scripts under test, forked from a process that has all imports done.

    write_program(bin / "released", f'exec {stand_in("released_cli")} "$@"')

A script starts many, and `python -m` would import everything for each. Whoever has a PYTHONPATH
runs the code there, with the libraries of this one. That `python -m` itself works in a script is
shown by the tests that use none of this.
"""

import importlib
import json
import multiprocessing
import os
import runpy
import secrets
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from tests.doubles.forking import ROOT, get_context, open_streams

CLIENT = Path(__file__).with_name("warm_client.py")
REQUEST_BYTES = 1 << 20
OURS = ("daemon", "released_cli")


@cache
def open_door() -> str:
    """Have programs forked for whoever asks at the door of this name; closed with this process."""
    name = f"released-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"\0{name}")
        door.listen()
        get_context().Process(target=_serve, args=(door,), daemon=True).start()
    return name


def stand_in(module: str) -> str:
    """Give the words of a shell that are `python -m module`."""
    return f"{words()} {module}"


def words() -> str:
    """Give the words before a module that run it, as `python -m` does; none needs quotes."""
    return f"{sys.executable} -I -S {CLIENT} {open_door()}"


def _serve(door: socket.socket) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    while parent.sentinel not in select.select([door, parent.sentinel], [], [])[0]:
        caller, _ = door.accept()
        if os.fork() == 0:
            door.close()
            _attend(caller)
        caller.close()
        _bury()


def _bury() -> None:
    """Take note of those that have ended: their CPU is then counted to this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _attend(caller: socket.socket) -> NoReturn:
    """Run what a caller wants, pass signals on to it, and tell how it ended."""
    request, streams, _, _ = socket.recv_fds(caller, REQUEST_BYTES, 3)
    pid = os.fork()
    if pid == 0:
        caller.close()
        os._exit(_be(json.loads(request), streams))
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(pid)
    while ended not in select.select([caller, ended], [], [])[0]:
        signals = caller.recv(8)
        for number in signals or (signal.SIGKILL,):
            os.kill(pid, number)
        if not signals:
            break
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        caller.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _be(call: dict[str, Any], streams: Sequence[int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(call["folder"])
    os.umask(call["umask"])
    os.environ.clear()
    os.environ.update(call["environment"])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in call["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    _heed_path(call["environment"].get("PYTHONPATH", str(ROOT)))
    sys.argv = [call["module"], *call["arguments"]]
    open_streams()
    return _run(call["module"])


def _heed_path(path: str) -> None:
    """Forget our own code where a program is to run another release of it."""
    if path == str(ROOT):
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:0] = path.split(":")
    importlib.invalidate_caches()


def _run(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - told, as an interpreter does at its end
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0
