"""The generator: signed webhook requests over raw keep-alive sockets, for a few microseconds each.

Owns what a request looks like and when it leaves. Reads of an answer no more than its status.
"""

import json
import random
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.meta.wire import sign_body
from tests.benchmarks.processes import FIRST_NUMBER_ID, SECRET

BODY_BYTES = 648
"""A text message of a known customer, as Meta sends it."""

TEXT = "¿Cuál es el horario?"
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """How long a load took, and each request from when it was due to its answer, in seconds."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Count requests a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who writes: so many customers, spread evenly over so many clients."""

    clients: int
    customers: int

    def write_each(self, name: str) -> list[bytes]:
        """Make one request for every customer."""
        return [self._build(f"{name}{who}", who) for who in range(self.customers)]

    def write(self, name: str, count: int) -> list[bytes]:
        """Make requests of customers drawn by lot, always the same ones."""
        chance = random.Random(name)
        return [
            self._build(f"{name}{number}", chance.randrange(self.customers))
            for number in range(count)
        ]

    def _build(self, name: str, customer: int) -> bytes:
        body = _pad(name, number_id=str(FIRST_NUMBER_ID + customer % self.clients), who=customer)
        head = (
            "POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: facebookexternalua\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Hub-Signature-256: {sign_body(SECRET, body)}\r\n\r\n"
        )
        return head.encode() + body


class Connections:
    """A fixed number of keep-alive connections to one port of loopback; close them."""

    def __init__(self, port: int, count: int) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        for _ in range(count):
            made = socket.create_connection(("127.0.0.1", port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[made.fileno()] = made
            self._poll.register(made, select.EPOLLIN)
        self._due: dict[int, float] = {}

    def close(self) -> None:
        for made in self._sockets.values():
            made.close()
        self._poll.close()

    def saturate(self, requests: Sequence[bytes]) -> Loaded:
        """Send as fast as the answers come: each connection has one request under way."""
        waiting = iter(requests)
        latencies: list[float] = []
        started = time.perf_counter()
        for fileno, first in zip(self._sockets, waiting, strict=False):
            self._send(fileno, first, due=time.perf_counter())
        while self._due:
            for fileno in self._receive(latencies, within_s=TIMEOUT_S):
                request = next(waiting, None)
                if request is not None:
                    self._send(fileno, request, due=time.perf_counter())
        return Loaded(time.perf_counter() - started, tuple(latencies))

    def pace(self, requests: Sequence[bytes], *, rate: float) -> Loaded:
        """Send at a fixed rate, whatever comes back; a late start counts as latency."""
        free = deque(self._sockets)
        latencies: list[float] = []
        started = time.perf_counter()
        sent = 0
        while sent < len(requests) or self._due:
            due = started + sent / rate
            if sent < len(requests) and free and due <= time.perf_counter():
                self._send(free.popleft(), requests[sent], due=due)
                sent += 1
                continue
            idle = sent < len(requests) and free
            pause = max(0.0, due - time.perf_counter()) if idle else TIMEOUT_S
            free.extend(self._receive(latencies, within_s=pause, patient=bool(idle)))
        return Loaded(time.perf_counter() - started, tuple(latencies))

    def _send(self, fileno: int, request: bytes, *, due: float) -> None:
        self._due[fileno] = due
        self._sockets[fileno].sendall(request)

    def _receive(
        self, latencies: list[float], *, within_s: float, patient: bool = False
    ) -> list[int]:
        ready = [fileno for fileno, _ in self._poll.poll(within_s)]
        if not ready and not patient:
            raise TimeoutError(f"No answer to {len(self._due)} requests for {within_s} s.")
        for fileno in ready:
            answer = self._sockets[fileno].recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(f"Not a 200: {answer[:400]!r}")
            latencies.append(time.perf_counter() - self._due.pop(fileno))
        return ready


def _pad(name: str, *, number_id: str, who: int) -> bytes:
    """Write the body and make the customer's display name as long as the size asks for."""
    bare = _write(name, number_id=number_id, who=who, shown="")
    return _write(name, number_id=number_id, who=who, shown="a" * (BODY_BYTES - len(bare)))


def _write(name: str, *, number_id: str, who: int, shown: str) -> bytes:
    phone, user_id = f"346{who:08d}", f"ES.{who:020d}"
    message = {
        "from": phone,
        "from_user_id": user_id,
        "id": f"wamid.{name:>44}".replace(" ", "A"),
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": TEXT},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "34666777888", "phone_number_id": number_id},
        "contacts": [{"profile": {"name": shown}, "user_id": user_id, "wa_id": phone}],
        "messages": [message],
    }
    change = {"field": "messages", "value": value}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [change]}],
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
