"""What a check says: one line, and the next step where something is not right."""

from dataclasses import dataclass
from typing import Any, Literal

from daemon.core.errors import ReleasedError

State = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's; `subject` is a client's name, None for what concerns all.

    Neither a secret nor anything of a customer's stands in it.
    """

    check: str
    state: State
    detail: str
    next: str | None = None
    subject: str | None = None

    def as_document(self) -> dict[str, Any]:
        """Show it as both faces do."""
        return {
            "check": self.check,
            "subject": self.subject,
            "state": self.state,
            "detail": self.detail,
            "next": self.next,
        }


def ok(check: str, detail: str, *, subject: str | None = None) -> Finding:
    """Say that all is well."""
    return Finding(check, "ok", detail, subject=subject)


def warn(check: str, detail: str, step: str, *, subject: str | None = None) -> Finding:
    """Say what will go wrong, or might."""
    return Finding(check, "warning", detail, step, subject)


def fail(check: str, detail: str, step: str, *, subject: str | None = None) -> Finding:
    """Say what is wrong."""
    return Finding(check, "error", detail, step, subject)


def refuse(check: str, refused: ReleasedError, *, step: str, so: str = "") -> Finding:
    """Say what is wrong by the line of a refusal; `step` is for one that names no next step itself.

    `so` stands before it: what comes of it.
    """
    reason, _, mend = str(refused).partition(". ")
    step = mend.removeprefix("Mend it: ").rstrip(".") or step
    return fail(check, f"{so}{reason.rstrip('.')}", step)


def skip(
    check: str, detail: str, step: str | None = None, *, subject: str | None = None
) -> Finding:
    """Say what was not looked at, and why."""
    return Finding(check, "skipped", detail, step, subject)
