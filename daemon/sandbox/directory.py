"""The businesses whose numbers the sandbox plays, as `list_clients` names them.

Owns a short memory of that list, because reading it blocks and every send asks.
"""

import asyncio
from collections.abc import Callable, Sequence

from daemon.sandbox.config import SandboxClient

MAX_AGE_S = 0.5
"""A change of a client shows within one second (contract.md, Behaviour); half of it is ours."""


class Directory:
    """The clients, read again in a thread when what is remembered is too old."""

    def __init__(self, list_clients: Callable[[], Sequence[SandboxClient]]) -> None:
        self._list_clients = list_clients
        self._clients: tuple[SandboxClient, ...] = ()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def list(self) -> tuple[SandboxClient, ...]:
        """Give all clients, at most half a second old."""
        return await self._read(newer_than=asyncio.get_running_loop().time() - MAX_AGE_S)

    async def find(self, phone_number_id: str) -> SandboxClient | None:
        """Find a number's client; one that is not remembered is looked for afresh."""
        asked_at = asyncio.get_running_loop().time()
        found = _pick(await self.list(), phone_number_id)
        return found or _pick(await self._read(newer_than=asked_at), phone_number_id)

    async def _read(self, *, newer_than: float) -> tuple[SandboxClient, ...]:
        async with self._reading:
            if self._read_at < newer_than:
                started_at = asyncio.get_running_loop().time()
                self._clients = tuple(await asyncio.to_thread(self._list_clients))
                self._read_at = started_at
        return self._clients


def _pick(clients: Sequence[SandboxClient], phone_number_id: str) -> SandboxClient | None:
    return next((each for each in clients if each.phone_number_id == phone_number_id), None)
