"""What happens, told to every open page: a bounded queue each, and the event stream they read.

Owns fan-out only; knows nothing of what an event means.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from daemon.core.errors import Retryable

MAX_LISTENERS = 100
"""Open pages at once; each holds a connection and a queue."""

MAX_WAITING = 500
"""Events a slow page may lag behind; after that it is told to read everything again."""

HEARTBEAT = b": still here\n\n"
RESYNC = {"type": "resync"}

Event = dict[str, Any]


class Listener:
    """One reader's queue; None in it means that the stream ends."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(MAX_WAITING)

    def push(self, event: Event | None) -> None:
        """Queue an event; a full queue is replaced by the one order to read all again."""
        if self._queue.full():
            self._drop_all()
            self._queue.put_nowait(RESYNC)
        self._queue.put_nowait(event)

    async def read(self, *, heartbeat_s: float) -> AsyncIterator[bytes]:
        """Give events as they are written on the wire, a heartbeat in silence, until the end."""
        while True:
            try:
                async with asyncio.timeout(heartbeat_s):
                    event = await self._queue.get()
            except TimeoutError:
                yield HEARTBEAT
                continue
            if event is None:
                return
            yield b"data: " + json.dumps(event).encode() + b"\n\n"

    def _drop_all(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()


class Events:
    """All listeners; publishing never waits for any of them."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    def publish(self, event: Event) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener.push(event)

    def join(self) -> Listener:
        """Add a listener; the caller leaves with it.

        Raises:
            Retryable: too many listen already, or the sandbox is closing.

        """
        if self._closed or len(self._listeners) >= MAX_LISTENERS:
            raise Retryable("Too many pages are open; close one.")
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for listener in self._listeners:
            listener.push(None)


async def stream_events(
    request: web.Request, events: Events, *, heartbeat_s: float
) -> web.StreamResponse:
    """Answer with server-sent events until the page leaves or the sandbox closes."""
    listener = events.join()
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    try:
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        async for chunk in listener.read(heartbeat_s=heartbeat_s):
            await response.write(chunk)
    except ConnectionError:
        # The page was closed; there is nobody left to tell.
        pass
    finally:
        events.leave(listener)
    return response
