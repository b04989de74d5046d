"""The chats as the customers' phones show them: messages, ticks, typing.

Owns this state, in memory and bounded; knows no HTTP and posts nothing.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from daemon.sandbox.bells import Bells
from daemon.sandbox.events import Event

MAX_CHATS = 10_000
"""Chats kept; the one silent for longest goes first."""

MAX_MESSAGES = 1_000
"""Messages kept a chat; the oldest goes first."""

WINDOW_S = 24 * 3600
"""How long after a customer wrote free text may be sent (whatsapp.md, Outbound, read 2026-11)."""

TYPING_S = 25
"""How long typing shows when no answer comes (whatsapp.md, Outbound, read 2026-11)."""

Status = Literal["accepted", "sent", "delivered", "read", "failed"]
Key = tuple[str, str]

_RANK: dict[Status, int] = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4}


@dataclass(slots=True)
class Message:
    """One message of a chat; `seq` is its place, `changed` the number of its latest change."""

    seq: int
    changed: int
    wamid: str
    direction: Literal["in", "out"]
    kind: str
    text: str
    status: Status
    at: float
    callback_data: str | None = None
    reply_to: str | None = None
    error_code: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the message as transcripts and events show it."""
        return {
            "seq": self.seq,
            "changed": self.changed,
            "wamid": self.wamid,
            "direction": self.direction,
            "type": self.kind,
            "text": self.text,
            "status": self.status,
            "at": format_time(self.at),
            "biz_opaque_callback_data": self.callback_data,
            "reply_to": self.reply_to,
            "error_code": self.error_code,
        }


@dataclass(slots=True)
class Chat:
    """One customer's chat with one business."""

    messages: deque[Message] = field(default_factory=deque)
    wrote_at: float | None = None
    typing_until: float = 0


class Chats:
    """All chats by (phone_number_id, user_id); the number of the latest change is `seq`."""

    def __init__(
        self, *, clock: Callable[[], float], bells: Bells, publish: Callable[[Event], None]
    ) -> None:
        self._clock = clock
        self._opened_at = clock()
        self._bells = bells
        self._publish = publish
        self._chats: dict[Key, Chat] = {}
        self._by_wamid: dict[str, tuple[Key, Message]] = {}
        self.seq = 0

    def add_incoming(self, key: Key, *, wamid: str, kind: str, text: str) -> None:
        """Put what a customer wrote into the chat; a wamid that is there already stays as it is."""
        if wamid in self._by_wamid:
            return
        chat = self._touch(key)
        chat.wrote_at = self._clock()
        self._add(key, chat, self._make(wamid, "in", kind, text, "sent"))

    def add_outgoing(
        self,
        key: Key,
        *,
        wamid: str,
        text: str,
        callback_data: str | None = None,
        reply_to: str | None = None,
        error_code: int | None = None,
    ) -> None:
        """Put what the business sent into the chat; with an error code, as one never delivered.

        A wamid that is there already stays as it is.
        """
        if wamid in self._by_wamid:
            return
        chat = self._touch(key)
        chat.typing_until = 0
        message = self._make(wamid, "out", "text", text, "failed" if error_code else "accepted")
        message.callback_data = callback_data
        message.reply_to = reply_to
        message.error_code = error_code
        self._add(key, chat, message)

    def advance(self, wamid: str, status: Status) -> None:
        """Move a message's ticks forward, never back."""
        key, message = self._by_wamid.get(wamid, (None, None))
        if key is None or message is None or _RANK[status] <= _RANK[message.status]:
            return
        self.seq += 1
        message.status = status
        message.changed = self.seq
        self._tell(key, message)

    def show_read(self, phone_number_id: str, wamid: str, *, typing: bool) -> bool:
        """Turn a customer's ticks blue, and show typing; False: this number knows no such message.

        What the customer wrote before it is read with it.
        """
        key, message = self._by_wamid.get(wamid, (None, None))
        if key is None or message is None or key[0] != phone_number_id or message.direction != "in":
            return False
        for earlier in tuple(self._chats[key].messages):
            if earlier.direction == "in" and earlier.seq <= message.seq:
                self.advance(earlier.wamid, "read")
        if typing:
            self._chats[key].typing_until = self._clock() + TYPING_S
            self._publish({"type": "typing", **_name(key), "seconds": TYPING_S})
        return True

    def is_window_open(self, key: Key) -> bool:
        """Tell whether free text may be sent.

        The sandbox forgets when it ends: a customer whom it has not heard counts as one who wrote
        just before it started, so that a restart does not close every window.
        """
        chat = self._chats.get(key)
        wrote_at = chat.wrote_at if chat and chat.wrote_at is not None else self._opened_at
        return self._clock() - wrote_at <= WINDOW_S

    def is_typing(self, key: Key) -> bool:
        """Tell whether the business shows as typing."""
        chat = self._chats.get(key)
        return chat is not None and chat.typing_until > self._clock()

    def list_changed(self, key: Key, *, after: int) -> list[Message]:
        """Give the messages added or changed since change number `after`, oldest first."""
        chat = self._chats.get(key)
        return [message for message in chat.messages if message.changed > after] if chat else []

    def _make(
        self, wamid: str, direction: Literal["in", "out"], kind: str, text: str, status: Status
    ) -> Message:
        self.seq += 1
        return Message(self.seq, self.seq, wamid, direction, kind, text, status, at=self._clock())

    def _add(self, key: Key, chat: Chat, message: Message) -> None:
        chat.messages.append(message)
        self._by_wamid[message.wamid] = (key, message)
        if len(chat.messages) > MAX_MESSAGES:
            del self._by_wamid[chat.messages.popleft().wamid]
        self._tell(key, message)

    def _touch(self, key: Key) -> Chat:
        chat = self._chats[key] = self._chats.pop(key, Chat())
        if len(self._chats) > MAX_CHATS:
            silent = self._chats.pop(next(iter(self._chats)))
            for message in silent.messages:
                del self._by_wamid[message.wamid]
        return chat

    def _tell(self, key: Key, message: Message) -> None:
        self._publish({"type": "message", **_name(key), "message": message.as_json()})
        self._bells.ring(key)


def format_time(at: float) -> str:
    """Write epoch seconds as UTC with milliseconds and a Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _name(key: Key) -> dict[str, str]:
    return {"phone_number_id": key[0], "user_id": key[1]}
