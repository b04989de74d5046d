"""Every error the project raises itself, branched by what the caller must do about it.

Vendor exceptions are translated where their vendor lives; nothing above the core sees one.
"""

from dataclasses import dataclass


class ReleasedError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        """Without a message, the first line of the class's docstring speaks."""
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class Retryable(ReleasedError):
    """It did not work this time; the same call may work later."""

    def __init__(self, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        """Take what the other side asked us to wait, in seconds, where it did."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Misconfigured(ReleasedError):
    """A setting, a credential or a file on this machine must be mended first."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with what somebody gave us: where, and why."""

    field: str
    reason: str


class Rejected(ReleasedError):
    """The request cannot be carried out as it was given."""

    def __init__(
        self, message: str | None = None, *, problems: tuple[FieldProblem, ...] = ()
    ) -> None:
        """Take the single problems too, where the caller can show them field by field."""
        super().__init__(message)
        self.problems = problems


class Invalid(Rejected):
    """A value is not acceptable."""


class NotFound(Rejected):
    """There is no such thing."""


class Conflict(Rejected):
    """It clashes with what exists already."""


class Stale(Rejected):
    """Somebody has changed it since you looked; look again."""
