"""Pool and bell under random arrivals, durations and failures, on a clock that leaps."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.work.bell import QUIET_LIMIT, Bell, Key
from daemon.work.pool import ERROR_PAUSE_S, FEWEST, PASS_S, Pool, adapt_limit
from tests.doubles.virtual_time import run_virtually

QUIET_S = 2.0
ROUNDING_S = 1e-6
KEYS: tuple[Key, ...] = ((1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 6))

Arrival = tuple[float, Key]
ARRIVALS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.9, 2.0, 3.0, 7.0]), st.sampled_from(KEYS)),
    min_size=1,
    max_size=40,
)
DURATIONS = st.lists(st.sampled_from([0.0, 0.3, 2.5, 9.0]), min_size=1, max_size=10)
FAILURES = st.sets(st.integers(min_value=0, max_value=30), max_size=6)


@dataclass
class Story:
    """What happened: each message with when it was written and when it was taken into a turn."""

    pending: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: list[float] = field(default_factory=list)
    running: Counter[Key] = field(default_factory=Counter)
    most_at_once: int = 0
    overlaps: int = 0
    turns: int = 0
    written: int = 0
    starts: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))


async def play(
    arrivals: list[Arrival],
    durations: list[float],
    failures: set[int],
    *,
    workers: int,
    interval_s: float = 0.0,
) -> Story:
    """Let messages arrive, each so long after the one before, and wait until all is quiet."""
    loop = asyncio.get_running_loop()
    story = Story()
    bell = Bell(
        quiet_s=QUIET_S,
        clock=loop.time,
        interval_of=lambda _client: interval_s,
        workers=workers,
    )

    async def work(key: Key) -> None:
        turn, story.turns = story.turns, story.turns + 1
        story.starts[key[0]].append(loop.time())
        story.running[key] += 1
        story.overlaps += story.running[key] > 1
        story.most_at_once = max(story.most_at_once, story.running.total())
        taken = len(story.pending[key])
        try:
            await asyncio.sleep(durations[turn % len(durations)])
            if turn in failures:
                raise RuntimeError("a turn that fails")
            now = loop.time()
            story.waits += [now - wrote for wrote in story.pending[key][:taken]]
            del story.pending[key][:taken]
            if story.pending[key]:
                bell.wake(key)
        finally:
            story.running[key] -= 1

    pool = Pool(bell, work, workers=workers)
    running = asyncio.create_task(pool.run())
    for pause_s, key in arrivals:
        await asyncio.sleep(pause_s)
        story.pending[key].append(loop.time())
        story.written += 1
        bell.note_message(key)
    while len(bell):  # noqa: ASYNC110 - the loop's time leaps
        await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await pool.drain(within_s=0)
    return story


@settings(max_examples=60)
@given(ARRIVALS, DURATIONS, FAILURES, st.integers(min_value=1, max_value=4))
def test_every_message_is_taken_once_and_by_one_worker(
    arrivals: list[Arrival], durations: list[float], failures: set[int], workers: int
) -> None:
    """However turns and messages cross, no ring is lost and no conversation is in two hands.

    No more are in work than there are workers, and a turn that fails is made up for.
    """
    story = run_virtually(play(arrivals, durations, failures, workers=workers))
    assert [] == [key for key, waiting in story.pending.items() if waiting]
    assert story.written == len(story.waits)
    assert 0 == story.overlaps
    assert story.most_at_once <= workers


@settings(max_examples=40)
@given(ARRIVALS)
def test_with_hands_free_nobody_waits_beyond_the_quiet_time(arrivals: list[Arrival]) -> None:
    """At most five times the quiet time, and never less than it, when turns take no time."""
    story = run_virtually(play(arrivals, [0.0], set(), workers=len(KEYS)))
    assert max(story.waits) <= QUIET_LIMIT * QUIET_S + ROUNDING_S
    assert story.turns <= story.written


@settings(max_examples=40)
@given(ARRIVALS, st.sampled_from([0.5, 4.0]))
def test_a_client_s_turns_keep_their_distance(arrivals: list[Arrival], interval_s: float) -> None:
    """The model's rate holds for each client by itself, and all are answered in the end."""
    story = run_virtually(play(arrivals, [0.3], set(), workers=4, interval_s=interval_s))
    assert story.written == len(story.waits)
    for starts in story.starts.values():
        gaps = [later - earlier for earlier, later in pairwise(starts)]
        assert [] == [gap for gap in gaps if gap < interval_s - ROUNDING_S]


def test_a_failed_turn_comes_back_after_its_pause() -> None:
    """Not at once, lest a poison message eat the processor."""
    story = run_virtually(play([(0.0, KEYS[0])], [0.0], {0, 1}, workers=1))
    assert [QUIET_S, QUIET_S + ERROR_PAUSE_S, QUIET_S + 2 * ERROR_PAUSE_S] == story.starts[1]


@given(
    st.floats(min_value=1, max_value=64),
    st.lists(st.floats(min_value=0, max_value=0.1), max_size=50),
    st.integers(min_value=0, max_value=64),
    st.integers(min_value=1, max_value=64),
)
def test_the_number_of_turns_at_once_keeps_its_bounds(
    start: float, passes: list[float], busy: int, workers: int
) -> None:
    """However the loop fares, some go on, and never more than there are workers."""
    limit = min(max(start, min(FEWEST, workers)), workers)
    for pass_s in passes:
        after = adapt_limit(limit, pass_s=pass_s, pressed=True, busy=busy, workers=workers)
        assert min(FEWEST, workers) <= after <= workers
        assert (after >= limit) if pass_s <= PASS_S else (after <= limit)
        limit = after


def test_what_a_busy_moment_took_comes_back() -> None:
    """Ten short passes make room for two more turns, and sooner when nobody waits."""

    def adapt(limit: float, pass_s: float, *, pressed: bool = True) -> float:
        return adapt_limit(limit, pass_s=pass_s, pressed=pressed, busy=20, workers=64)

    limit = adapt(64, 0.05)
    assert 16 == limit
    for _ in range(10):
        limit = adapt(limit, 0.0)
    assert 18 == round(limit)
    limit = adapt(limit, 0.05, pressed=False)
    # One more than there are: each pass that nobody waits in lets another turn begin.
    assert 21 == limit
