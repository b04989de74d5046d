"""Lets few large webhook bodies come in at once: whoever sends them may be anybody until the end.

The signature is known to be right only when all of a body is here, and until then it lies in
memory. Nearly all of Meta's are small, and those wait for nobody.
"""

import asyncio

from aiohttp import web

from daemon.core.errors import Retryable

SMALL_BYTES = 64 * 1024
"""What aiohttp keeps of a connection anyway. A message of Meta's has about 1 KB."""

AT_ONCE = 16
"""Larger ones that may be on their way together: 48 MiB."""

WITHIN_S = 30.0
"""Seconds for one to come in: 100 KiB/s for the largest."""


class Crowded(Retryable):
    """Too many large bodies are coming in at once."""


class TooSlow(Retryable):
    """The body did not come in time."""


class LargeBodies:
    """Those on their way; belongs to one event loop."""

    def __init__(self) -> None:
        """Expect none yet."""
        self._coming = 0

    async def read(self, request: web.Request) -> bytes:
        """Read a body of any size.

        Raises:
            Crowded: at once, when there is no room for a large one.
            TooSlow: when a large one takes too long.

        """
        if request.content.is_eof():
            # It came with the head, as most do; aiohttp's own way costs as much as reading JSON. It
            # is no more than aiohttp takes in ahead, unpacked too: far below the limit.
            return request.content.read_nowait()
        if _is_small(request):
            return await request.read()
        if self._coming >= AT_ONCE:
            raise Crowded
        self._coming += 1
        try:
            async with asyncio.timeout(WITHIN_S):
                return await request.read()
        except TimeoutError:
            raise TooSlow from None
        finally:
            self._coming -= 1


def _is_small(request: web.Request) -> bool:
    length = request.content_length
    # What is compressed has any size.
    return (
        length is not None and length <= SMALL_BYTES and "Content-Encoding" not in request.headers
    )


LARGE_BODIES = web.AppKey("large_bodies", LargeBodies)
