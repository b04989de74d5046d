"""Stands in a script's place for a program of ours: `warm_client.py DOOR MODULE ARGUMENTS`.

Asks the door of `warm_start` for the program, and is it to whoever started this: the same streams,
signals and exit code. Imports next to nothing, so that it costs next to nothing.
"""

import json
import os
import signal
import socket
import sys
from types import FrameType

HEARD = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def main() -> int:
    door, module, *arguments = sys.argv[1:]
    ignored = [number for number in HEARD if signal.getsignal(number) is signal.SIG_IGN]
    umask = os.umask(0o077)
    call = {
        "module": module,
        "arguments": arguments,
        "folder": os.getcwd(),  # noqa: PTH109 - pathlib is not imported for this
        "environment": dict(os.environ),
        "umask": umask,
        "ignored": ignored,
    }
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(f"\0{door}")
        socket.send_fds(line, [json.dumps(call).encode()], [0, 1, 2])

        def pass_on(number: int, _frame: FrameType | None) -> None:
            line.send(bytes([number]))

        for number in set(HEARD) - set(ignored):
            signal.signal(number, pass_on)
        told = int(line.recv(8) or b"1")
    if told < 0:
        if told != -signal.SIGKILL:
            signal.signal(-told, signal.SIG_DFL)
        os.kill(os.getpid(), -told)
    return told


if __name__ == "__main__":
    sys.exit(main())
