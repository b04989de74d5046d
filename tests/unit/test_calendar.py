"""When things are looked at again, and what is said once a day."""

from daemon.work.calendar import DAY_S, Calendar


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_never_put_off_is_due() -> None:
    """And again when its wait is over, which the jitter stretches."""
    clock = Clock()
    calendar = Calendar(monotonic=clock, jitter=lambda: 1.5)
    assert calendar.is_due("a")
    calendar.put_off("a", 10)
    assert not calendar.is_due("a")
    assert calendar.is_due("b")
    clock.now += 15
    assert calendar.is_due("a")


def test_what_was_gone_is_due_at_once() -> None:
    """A token that comes back may have been replaced meanwhile."""
    calendar = Calendar(monotonic=Clock(), jitter=lambda: 1.0)
    for key in ("a", "b"):
        calendar.put_off(key, 10)
    calendar.keep_only({"b"})
    assert (True, False) == (calendar.is_due("a"), calendar.is_due("b"))


def test_the_same_is_said_once_a_day() -> None:
    """Another thing is said all the same."""
    clock = Clock()
    calendar = Calendar(monotonic=clock, jitter=lambda: 1.0)
    assert [True, False, True] == [calendar.may_say(what) for what in ("x", "x", "y")]
    clock.now += DAY_S
    assert calendar.may_say("x")
