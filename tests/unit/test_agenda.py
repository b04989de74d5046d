"""When things are looked at again, and what is said once a day."""

from daemon.work.agenda import Agenda
from daemon.work.reminding import DAY_S, Reminder


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_never_put_off_is_due() -> None:
    """And again when its wait is over, which the jitter stretches."""
    clock = Clock()
    agenda = Agenda(monotonic=clock, jitter=lambda: 1.5)
    assert agenda.is_due("a")
    agenda.put_off("a", 10)
    assert not agenda.is_due("a")
    assert agenda.is_due("b")
    clock.now += 15
    assert agenda.is_due("a")


def test_what_was_gone_is_due_at_once() -> None:
    """A token that comes back may have been replaced meanwhile."""
    agenda = Agenda(monotonic=Clock(), jitter=lambda: 1.0)
    for key in ("a", "b"):
        agenda.put_off(key, 10)
    agenda.keep_only({"b"})
    assert (True, False) == (agenda.is_due("a"), agenda.is_due("b"))


def test_the_same_is_said_once_a_day() -> None:
    """Another thing is said all the same."""
    clock = Clock()
    reminder = Reminder(monotonic=clock)
    assert [True, False, True] == [reminder.may_say(what) for what in ("x", "x", "y")]
    clock.now += DAY_S
    assert reminder.may_say("x")
