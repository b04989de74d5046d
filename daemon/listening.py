"""Where the daemon listens: on the sockets that systemd passed, else on HOST and PORT.

Owns the protocol of sd_listen_fds and every complaint about an address. Serves nothing.
https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html (read November 2026)
"""

import errno
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from daemon.core.errors import Misconfigured
from daemon.core.starting import refuse_open_host

FIRST_PASSED_FD = 3
"""Where passed sockets begin: after stdin, stdout and stderr."""

EVERYWHERE = "::"
"""The host that stands for all addresses of both kinds, as in systemd's units."""

BACKLOG = 4096
"""Connections that may wait while the daemon restarts; the kernel allows no more by default."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The sockets to serve; `passed` ones stay open with systemd while the daemon is away."""

    sockets: tuple[socket.socket, ...]
    passed: bool


@contextmanager
def open_sockets(
    host: str, port: int, *, environ: Mapping[str, str], pid: int
) -> Iterator[Listening]:
    """Take what systemd passed; without that, bind every address that the host's name stands for.

    Raises:
        Misconfigured: when a passed socket cannot be served, or an address cannot be had.

    """
    with ExitStack() as stack:
        passed = _take_passed(stack, environ, pid)
        sockets = passed or _bind(stack, host, port)
        yield Listening(tuple(sockets), passed=bool(passed))


def show_address(sock: socket.socket, *, tls: bool = False) -> str:
    """Show where a socket listens, as a URL."""
    host, port = sock.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{_join(host, port)}"


def refuse_clear(listening: Listening) -> None:
    """Refuse to speak HTTP without TLS where others than this machine could listen in.

    Raises:
        Misconfigured: naming the socket, and the settings that would mend it.

    """
    where = "ListenStream in released.socket" if listening.passed else "HOST"
    for sock in listening.sockets:
        refuse_open_host(sock.getsockname()[0], shown=show_address(sock), where=where)


def _take_passed(stack: ExitStack, environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    # Another process's LISTEN_FDS, inherited by accident, must not be taken for ours.
    if environ.get("LISTEN_PID") != str(pid):
        return []
    count = environ.get("LISTEN_FDS", "")
    if not count.isdecimal():
        return []
    numbers = range(FIRST_PASSED_FD, FIRST_PASSED_FD + int(count))
    return [_adopt(stack, number) for number in numbers]


def _adopt(stack: ExitStack, number: int) -> socket.socket:
    try:
        os.set_inheritable(number, False)
        sock = stack.enter_context(socket.socket(fileno=number))
    except OSError as refused:
        raise _unfit(number, refused.strerror or "it cannot be used") from refused
    if sock.family not in {socket.AF_INET, socket.AF_INET6} or sock.type != socket.SOCK_STREAM:
        raise _unfit(number, "it is not a TCP socket")
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise _unfit(number, "it does not listen")
    return sock


def _unfit(number: int, reason: str) -> Misconfigured:
    return Misconfigured(
        f"The socket that systemd passed as {number} cannot be served: {reason}."
        " ListenStream in released.socket must name an address and a port, and Accept must be no."
    )


def _bind(stack: ExitStack, host: str, port: int) -> list[socket.socket]:
    both = host == EVERYWHERE and socket.has_dualstack_ipv6()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [
            stack.enter_context(
                socket.create_server(address[:2], family=family, dualstack_ipv6=both)
            )
            for family, _, _, _, address in found
        ]
    except (OSError, UnicodeError) as refused:
        raise Misconfigured(_explain(refused, host, port)) from refused


def _explain(refused: OSError | UnicodeError, host: str, port: int) -> str:
    if isinstance(refused, UnicodeError):
        return f"Cannot listen on {host!r}: that is no host name. HOST and PORT say where."
    if refused.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use. Set PORT to a free one, or stop what uses it."
    return f"Cannot listen on {_join(host, port)}: {refused.strerror}. HOST and PORT say where."


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
