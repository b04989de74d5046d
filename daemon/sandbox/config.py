"""What a sandbox is made with: where it posts, what it takes, how fast it moves.

Owns values only; reads no environment and opens nothing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """One business whose number the sandbox plays; without a phone number it makes one up."""

    name: str
    phone_number_id: str
    phone_number: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly things happen, in seconds, so that a test may have them happen at once."""

    status_delays_s: tuple[float, float, float] = (0.05, 0.25, 0.7)
    """Waits before `sent`, then before `delivered`, then before `read`."""

    retry_pauses_s: tuple[float, ...] = (0, 1, 4, 16, 64, 256)
    """Waits before each repetition of a webhook that was not answered 200.

    Meta repeats at once, then ever more rarely for 7 days (whatsapp.md, Webhook, read 2026-11);
    this is cut to some six minutes.
    """

    webhook_timeout_s: float = 10
    """How long one POST to the webhook may take."""

    max_repeating: int = 10_000
    """Webhooks waiting to be repeated; beyond it one is given up at once."""

    heartbeat_s: float = 15
    """Silence on the event stream after which a comment is sent to find readers that left."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """All a sandbox needs; what lists clients and questions may block, and runs in a thread.

    `access_token` None: any token, and none, is accepted. `clock` gives epoch seconds.
    `list_questions` is given a phone_number_id, and gives what can be asked there.
    """

    webhook_url: str
    app_secret: str = field(repr=False)
    access_token: str | None = field(repr=False)
    list_clients: Callable[[], Sequence[SandboxClient]]
    list_questions: Callable[[str], Sequence[str]] = lambda _phone_number_id: ()
    clock: Callable[[], float] = time.time
    pace: Pace = field(default_factory=Pace)
