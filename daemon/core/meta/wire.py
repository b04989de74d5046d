"""Meta's webhook on the wire: parses a delivery, and is the one door to what belongs to it.

Pure: decoded JSON in, values out. It opens no connection, has no clock and stores nothing. What a
delivery can hold stands in `inbound`, signature and subscription in `handshake`, and both are
handed on from here; `outbound` builds what we send, `codes` knows Meta's error codes.

Sources, read 2026-11: Meta's "Messages webhook reference" and "Business-scoped user IDs" of
May 2026.
"""

from collections.abc import Mapping
from typing import Any

from daemon.core.meta.handshake import (
    BadSubscription,
    WrongVerifyToken,
    answer_challenge,
    sign_body,
    verify_signature,
)
from daemon.core.meta.inbound import (
    ECHOES_WITHOUT_WORDS,
    KNOWN_FIELDS,
    KNOWN_STATUSES,
    KNOWN_TYPES,
    SILENT_TYPES,
    Customer,
    CustomerRekey,
    Delivery,
    DeliveryStatus,
    Echo,
    InboundMessage,
    needs_answer,
)
from daemon.core.meta.reading import (
    read_codes,
    read_epoch,
    read_identifier,
    read_object,
    read_phone,
    read_text,
    read_word,
)
from daemon.core.meta.senders import Contacts

__all__ = [
    "SILENT_TYPES",
    "BadSubscription",
    "Customer",
    "CustomerRekey",
    "Delivery",
    "DeliveryStatus",
    "Echo",
    "InboundMessage",
    "WrongVerifyToken",
    "answer_challenge",
    "needs_answer",
    "parse_delivery",
    "sign_body",
    "verify_signature",
]

CALLBACK_LIMIT = 512
"""Characters of `biz_opaque_callback_data` (Meta's "Messages API reference", read 2026-11)."""

_SINGULAR = {
    "contacts": "contact",
    "message_echoes": "echo",
    "messages": "message",
    "statuses": "status",
}
_REKEYING = frozenset({"user_changed_number", "user_changed_user_id"})
_CHOICES = frozenset({"button_reply", "list_reply"})
_WRITTEN_IN = {
    "audio": "caption",
    "button": "text",
    "document": "caption",
    "image": "caption",
    "text": "body",
    "video": "caption",
}


def parse_delivery(body: Mapping[str, Any]) -> Delivery:
    """Read a webhook body; whatever cannot be read is counted, and nothing raises.

    Only the field `messages` carries messages and statuses: those of `history` are the past, those
    of `calls` are no messages. What the owner wrote in the app comes in a field of its own.
    """
    reader = _Reader()
    for entry in reader.objects(body.get("entry"), "entry"):
        for change in reader.objects(entry.get("changes"), "change"):
            reader.read_change(change)
    return Delivery(
        messages=tuple(reader.messages),
        statuses=tuple(reader.statuses),
        rekeys=tuple(reader.rekeys),
        echoes=tuple(reader.echoes),
        passed_over=tuple(reader.passed_over),
    )


class _Reader:
    """Gathers what one body holds, in order; used once."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []
        self.statuses: list[DeliveryStatus] = []
        self.rekeys: list[CustomerRekey] = []
        self.echoes: list[Echo] = []
        self.passed_over: list[str] = []

    def objects(self, value: object, what: str) -> list[Mapping[str, Any]]:
        """Give the objects of a list, and count what should have been one."""
        if not isinstance(value, list):
            self._malformed(what)
            return []
        found: list[Mapping[str, Any]] = [item for item in value if isinstance(item, dict)]
        for _ in range(len(value) - len(found)):
            self._malformed(what)
        return found

    def read_change(self, change: Mapping[str, Any]) -> None:
        name, value = change.get("field"), change.get("value")
        if not isinstance(name, str):
            self._malformed("change")
        elif name not in {"messages", "smb_message_echoes", "user_id_update"}:
            self.passed_over.append(f"field:{name if name in KNOWN_FIELDS else 'other'}")
        elif not isinstance(value, dict):
            self._malformed("value")
        elif name == "messages":
            self._read_messages(value)
        elif name == "user_id_update":
            self._read_user_id_updates(value)
        else:
            self._read_echoes(value)

    def _read_messages(self, value: Mapping[str, Any]) -> None:
        if value.get("errors") is not None:
            self.passed_over.append("value:errors")
        elif not ("messages" in value or "statuses" in value):
            self.passed_over.append("value:other")
        number = _read_number(value)
        if number is None:
            self._malformed("metadata")
            return
        contacts = Contacts(self._optional(value, "contacts"))
        messages = self._optional(value, "messages")
        for message in messages:
            sender = contacts.find_sender(message, alone=len(messages) == 1)
            self._read_message(message, sender, number=number)
        for status in self._optional(value, "statuses"):
            self._read_status(status, number=number)

    def _read_message(
        self, message: Mapping[str, Any], sender: Customer | None, *, number: str
    ) -> None:
        wamid = read_identifier(message.get("id"))
        if wamid is None or sender is None:
            self._malformed("message")
            return
        kind = read_word(message.get("type")) or "unknown"
        if kind not in KNOWN_TYPES:
            self.passed_over.append("type:other")
        part = read_object(message.get(kind))
        read = InboundMessage(
            wamid=wamid,
            phone_number_id=number,
            customer=sender,
            type=kind,
            text=_read_written(kind, part),
            sent_at=read_epoch(message.get("timestamp")),
            group_id=read_identifier(message.get("group_id")),
            inner_type=read_word(part.get("type")),
            error_codes=read_codes(message.get("errors")),
        )
        self.messages.append(read)
        if kind == "text" and read.text is None:
            self._malformed("text")
        if kind == "system" and read.inner_type in _REKEYING:
            self._read_notice(part, read)

    def _read_notice(self, notice: Mapping[str, Any], message: InboundMessage) -> None:
        # The notice's prose names the old user_id too, but beside the customer's own name, so
        # reading ids out of it would let one customer pass for another.
        user_id, wa_id = read_identifier(notice.get("user_id")), read_phone(notice.get("wa_id"))
        if not (user_id or wa_id):
            self._malformed("rekey")
            return
        self._note_rekey(message.phone_number_id, message.customer, Customer(user_id, wa_id))

    def _read_user_id_updates(self, value: Mapping[str, Any]) -> None:
        for update in self.objects(value.get("user_id_update"), "rekey"):
            ids, wa_id = read_object(update.get("user_id")), read_phone(update.get("wa_id"))
            previous, current = (read_identifier(ids.get(key)) for key in ("previous", "current"))
            if current is None or not (previous or wa_id):
                self._malformed("rekey")
                continue
            self._note_rekey(
                _read_number(value), Customer(previous, wa_id), Customer(current, wa_id)
            )

    def _read_echoes(self, value: Mapping[str, Any]) -> None:
        number = _read_number(value)
        if number is None:
            self._malformed("metadata")
            return
        contacts = Contacts(self._optional(value, "contacts"))
        echoes = self.objects(value.get("message_echoes"), "echo")
        for echo in echoes:
            customer = contacts.find_receiver(echo, alone=len(echoes) == 1)
            self._read_echo(echo, customer, number=number)

    def _read_echo(
        self, echo: Mapping[str, Any], customer: Customer | None, *, number: str
    ) -> None:
        wamid = read_identifier(echo.get("id"))
        if read_word(echo.get("type")) in ECHOES_WITHOUT_WORDS or "group_id" in echo:
            self.passed_over.append("echo:other")
        elif wamid is None or customer is None:
            self._malformed("echo")
        elif customer.wa_id is not None and customer.wa_id == read_phone(echo.get("from")):
            # A note to themselves.
            self.passed_over.append("echo:other")
        else:
            sent_at = read_epoch(echo.get("timestamp"))
            self.echoes.append(Echo(wamid, number, customer, sent_at))

    def _note_rekey(self, number: str | None, old: Customer, new: Customer) -> None:
        if old != new:
            self.rekeys.append(CustomerRekey(phone_number_id=number, old=old, new=new))

    def _read_status(self, status: Mapping[str, Any], *, number: str) -> None:
        wamid, word = read_identifier(status.get("id")), read_word(status.get("status"))
        if wamid is None or word is None:
            self._malformed("status")
            return
        if word not in KNOWN_STATUSES:
            self.passed_over.append("status:other")
            word = "other"
        self.statuses.append(
            DeliveryStatus(
                wamid=wamid,
                phone_number_id=number,
                status=word,
                at=read_epoch(status.get("timestamp")),
                callback_id=read_identifier(
                    status.get("biz_opaque_callback_data"), limit=CALLBACK_LIMIT
                ),
                error_codes=read_codes(status.get("errors")),
            )
        )

    def _optional(self, value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        given = value.get(key)
        return [] if given is None else self.objects(given, _SINGULAR[key])

    def _malformed(self, what: str) -> None:
        self.passed_over.append(f"malformed:{what}")


def _read_number(value: Mapping[str, Any]) -> str | None:
    return read_identifier(read_object(value.get("metadata")).get("phone_number_id"))


def _read_written(kind: str, part: Mapping[str, Any]) -> str | None:
    if kind in _WRITTEN_IN:
        return read_text(part.get(_WRITTEN_IN[kind]))
    choice = read_word(part.get("type"))
    if kind == "interactive" and choice in _CHOICES:
        return read_text(read_object(part.get(choice)).get("title"))
    return None
