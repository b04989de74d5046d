"""Ready-made values for tests of the store: a client, what customers write, an answer's record."""

from typing import Any

from daemon.core.assistants.engine import Reply
from daemon.core.clients import add_client
from daemon.core.faqs import Faq
from daemon.core.meta.wire import Customer, CustomerRekey, Delivery, DeliveryStatus, InboundMessage
from daemon.core.seeds import ClientSeed, validate
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import Outgoing
from daemon.core.store.turns import TurnRecord
from daemon.core.turns import Hand, claim, settle

NOW = 1_780_000_000.0
"""When the tests take place, seconds since the epoch."""

NUMBER_A = "631261586727899"
NUMBER_B = "631261586727900"
FAQS = (Faq(question="¿Horario?", answer="De 9 a 22."), Faq(question="¿Wifi?", answer="Sí."))


def seed(**fields: Any) -> ClientSeed:
    """Make a client's seed, of which any field may be given."""
    plain = {"name": "La Plaza", "phone_number": "+34666777888", "phone_number_id": NUMBER_A}
    return validate(ClientSeed, plain | fields)


def onboard(conn: Connection, **fields: Any) -> Client:
    """Add a client."""
    return add_client(conn, seed(**fields), FAQS, now=NOW, actor=Actor("test"))


def written(
    wamid: str, *, user_id: str | None = None, wa_id: str | None = None, **fields: Any
) -> InboundMessage:
    """Make a text message; by the customer with the number 34600000001 unless told."""
    if user_id is None and wa_id is None:
        wa_id = "34600000001"
    plain: dict[str, Any] = {
        "phone_number_id": NUMBER_A,
        "type": "text",
        "text": f"text of {wamid}",
        "sent_at": NOW,
        "group_id": None,
    }
    return InboundMessage(wamid=wamid, customer=Customer(user_id, wa_id), **(plain | fields))


def told(status: str, **fields: Any) -> DeliveryStatus:
    """Make a status; `callback_id` or `wamid` names the message."""
    plain: dict[str, Any] = {
        "wamid": "wamid.out",
        "phone_number_id": NUMBER_A,
        "at": NOW + 1,
        "callback_id": None,
        "error_codes": (),
    }
    return DeliveryStatus(status=status, **(plain | fields))


def delivery(*items: InboundMessage | DeliveryStatus | CustomerRekey) -> Delivery:
    """Make a webhook body's content."""
    return Delivery(
        messages=tuple(item for item in items if isinstance(item, InboundMessage)),
        statuses=tuple(item for item in items if isinstance(item, DeliveryStatus)),
        rekeys=tuple(item for item in items if isinstance(item, CustomerRekey)),
    )


def rekeyed(number: str | None, old: Customer, new: Customer) -> CustomerRekey:
    """Make a change of a customer's ids; without a number it was told to the whole portfolio."""
    return CustomerRekey(phone_number_id=number, old=old, new=new)


def take(
    conn: Connection, client_id: int, conversation_id: int, *, now: float = NOW, for_s: float = 60
) -> Hand | None:
    """Claim a conversation."""
    return claim(
        conn, client_id=client_id, conversation_id=conversation_id, now=now, until=now + for_s
    )


def answer(
    conn: Connection,
    hand: Hand,
    *parts: str,
    now: float = NOW,
) -> tuple[Outgoing, ...]:
    """Settle a hand with an answer of these parts."""
    return settle(conn, hand, record(), parts or ("hola",), now=now, until=now + 60)


def record(**fields: Any) -> TurnRecord:
    """Make the record of an answered turn."""
    plain: dict[str, Any] = {
        "engine": "local",
        "assistant_version": 1,
        "reply": Reply("answered", text="hola", faq_ids=("F1",)),
        "cause": None,
        "latency_ms": 5,
    }
    return TurnRecord(**(plain | fields))
