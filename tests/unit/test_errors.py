"""The error tree speaks for itself."""

from daemon.core.errors import Conflict, FieldProblem, Invalid, NotFound, Rejected, Retryable


def test_an_error_without_a_message_says_what_its_class_is() -> None:
    """The first line of the docstring is the default message."""
    assert str(Retryable()) == "It did not work this time; the same call may work later."


def test_an_error_that_nobody_documented_is_still_an_error() -> None:
    """A subclass without a docstring falls silent, and does not fail."""

    class Bare(Retryable):
        pass

    assert (Bare.__doc__, "", "said") == (None, str(Bare()), str(Bare("said")))


def test_a_retryable_error_carries_the_wait_that_was_asked_for() -> None:
    """Meta's Retry-After reaches whoever waits."""
    assert Retryable("later", retry_after_s=2.5).retry_after_s == 2.5


def test_what_is_rejected_names_each_field() -> None:
    """HTTP shows problems field by field."""
    problem = FieldProblem("name", "is empty")
    for kind in (Rejected, Invalid, NotFound, Conflict):
        assert kind("no", problems=(problem,)).problems == (problem,)
        assert kind("no").problems == ()
