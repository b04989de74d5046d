"""The writer's thread: in order, and done when it is told to end."""

import threading
from functools import partial

from daemon.core.store.writer_thread import WriterThread


def test_calls_are_run_in_order_and_to_the_last() -> None:
    """All that was given before the end, on one thread that has the name."""
    seen: list[tuple[int, str]] = []

    def note(number: int) -> None:
        seen.append((number, threading.current_thread().name))

    thread = WriterThread("store-write")
    for number in range(100):
        thread.submit(partial(note, number))
    thread.end()
    assert [(number, "store-write") for number in range(100)] == seen
    assert "store-write" not in {one.name for one in threading.enumerate()}
