"""What Meta posts becomes values: nothing a customer wrote is lost, nothing else becomes one."""

from typing import Any

import pytest

from daemon.core.meta.wire import (
    SILENT_TYPES,
    Customer,
    CustomerRekey,
    Delivery,
    DeliveryStatus,
    InboundMessage,
    needs_answer,
    parse_delivery,
)
from tests.doubles.webhook_files import ANA, ANA_PHONE, LUIS_PHONE, NUMBER, parse_file


def parse_value(value: dict[str, Any], field: str = "messages") -> Delivery:
    metadata = {"metadata": {"phone_number_id": NUMBER}}
    change = {"field": field, "value": {**metadata, **value}}
    return parse_delivery({"entry": [{"changes": [change]}]})


def message(**rest: Any) -> dict[str, Any]:
    text = {"id": "wamid.1", "timestamp": "1749416383", "type": "text", "text": {"body": "Hola"}}
    return {**text, **rest}


def inbound(**changes: Any) -> InboundMessage:
    only = parse_value({"messages": [message(**{"from": LUIS_PHONE, **changes})]})
    (read,) = only.messages
    return read


class TestText:
    def test_choices_and_captions_are_what_the_customer_wrote(self) -> None:
        """Buttons, rows and captions carry words; a voice note or a form carries none."""
        expected = ["Cancelar", "Sí", "Mesa para dos", "¿Es vuestra carta?", None, None]
        read = parse_file("choices_and_captions").messages
        assert expected == [m.text for m in read]
        assert all(needs_answer(m) for m in read)

    def test_what_no_database_takes_is_mended(self) -> None:
        """NUL and lone surrogates neither reach the store nor cost the message."""
        (read,) = parse_file("unstorable_text").messages
        assert read.text == "ab \ufffd c 👍"
        assert read.wamid == "wamid.Nul"
        assert Customer(None, LUIS_PHONE) == read.customer

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("1749416383", 1749416383.0),
            (1749416383, 1749416383.0),
            (1749416383.5, 1749416383.5),
            (None, 0.0),
            (True, 0.0),
            ("soon", 0.0),
            ("nan", 0.0),
            ("inf", 0.0),
            (float("nan"), 0.0),
            (10**400, 0.0),
            (-5, 0.0),
            (1749416383000, 0.0),
            ([], 0.0),
        ],
    )
    def test_an_unusable_time_is_zero(self, given: object, expected: float) -> None:
        """An absurd time never orders a conversation; the store takes the time of receipt."""
        assert expected == inbound(timestamp=given).sent_at


class TestBatch:
    def test_several_numbers_in_one_body(self) -> None:
        """Every message reaches the number it was written to, in order."""
        read = parse_file("batch_two_numbers")
        assert [(m.phone_number_id, m.wamid, m.customer.key) for m in read.messages] == [
            (NUMBER, "wamid.One", ANA),
            (NUMBER, "wamid.Two", LUIS_PHONE),
            (NUMBER, "wamid.Three", ANA),
            ("631261586727900", "wamid.Four", LUIS_PHONE),
        ]
        assert [s.callback_id for s in read.statuses] == ["outbox-41"]
        assert read.passed_over == ("field:account_update", "field:other")

    def test_statuses_carry_our_id_and_metas_codes(self) -> None:
        """A status names the outbox row it is about, and why it failed."""
        read = parse_file("statuses_with_callback")

        def status(wamid: str, word: str, *, callback: str | None) -> DeliveryStatus:
            codes = (131047, 131026) if word == "failed" else ()
            return DeliveryStatus(wamid, NUMBER, word, 1750030073.0, callback, codes)

        assert (
            status("wamid.S1", "sent", callback="17"),
            status("wamid.S1", "delivered", callback="17"),
            status("wamid.S2", "failed", callback="18"),
            status("wamid.S3", "other", callback=None),
        ) == read.statuses
        assert read.passed_over == ("status:other",)

    def test_an_overlong_callback_is_none_of_ours(self) -> None:
        """What cannot be ours is dropped, and the status is kept."""
        given = {"id": "wamid.1", "status": "sent", "biz_opaque_callback_data": "x" * 513}
        assert parse_value({"statuses": [given]}).statuses[0].callback_id is None


class TestRekeys:
    def test_changed_ids_are_told(self) -> None:
        """A customer who changes number or user id stays the same customer."""
        read = parse_file("ids_changed")
        luis, ana = Customer(None, LUIS_PHONE), Customer(ANA, ANA_PHONE)
        assert (
            CustomerRekey(NUMBER, luis, Customer(None, "34600555666")),
            CustomerRekey(NUMBER, ana, Customer("ES.29583746102938475610", ANA_PHONE)),
            CustomerRekey(NUMBER, Customer("ES.1", ANA_PHONE), Customer("ES.2", ANA_PHONE)),
        ) == read.rekeys
        assert read.passed_over == ("malformed:rekey",) * 3

    def test_a_system_notice_is_kept_and_not_answered(self) -> None:
        """Notices are on record, and nobody is answered for one."""
        read = parse_file("ids_changed").messages
        assert [m.wamid for m in read] == ["wamid.K1", "wamid.K2", "wamid.K3", "wamid.K4"]
        assert not any(needs_answer(m) for m in read)

    def test_the_notices_prose_is_not_believed(self) -> None:
        """A customer's chosen name cannot make them pass for somebody else."""
        system = {
            "type": "user_changed_user_id",
            "user_id": "ES.9",
            "body": "User x changed from ES.1 to ES.2 changed from ES.8 to ES.9",
        }
        notice = message(**{"from": "1", "type": "system", "system": system})
        (rekey,) = parse_value({"messages": [notice]}).rekeys
        assert (Customer(None, "1"), Customer("ES.9", None)) == (rekey.old, rekey.new)


class TestPassedOver:
    def test_damage_is_counted_and_the_good_message_gets_through(self) -> None:
        """One broken update never costs another one."""
        read = parse_file("malformed")
        assert [m.wamid for m in read.messages] == ["wamid.NoBody", "wamid.NoType", "wamid.Fine"]
        assert [m.text for m in read.messages] == [None, None, "Sigo aquí"]
        assert [m.type for m in read.messages] == ["text", "unknown", "text"]
        assert read.statuses == ()
        counts = {word: read.passed_over.count(word) for word in sorted(set(read.passed_over))}
        assert counts == {
            "malformed:change": 4,
            "malformed:contact": 1,
            "malformed:entry": 1,
            "malformed:message": 9,
            "malformed:metadata": 3,
            "malformed:rekey": 1,
            "malformed:status": 5,
            "malformed:text": 1,
            "malformed:value": 1,
            "type:other": 1,
            "value:other": 1,
        }

    @pytest.mark.parametrize("field", ["history", "calls", "smb_app_state_sync"])
    def test_only_the_messages_field_carries_messages(self, field: str) -> None:
        """The past, the owner's own words and calls are never answered as new messages."""
        said = message(**{"from": LUIS_PHONE})
        value = {
            "messages": [said],
            "message_echoes": [said],
            "statuses": [{"id": "wamid.2", "status": "delivered"}],
        }
        assert Delivery(passed_over=(f"field:{field}",)) == parse_value(value, field)

    def test_a_value_with_errors_alone_is_counted(self) -> None:
        """Meta's own failures are seen."""
        read = parse_value({"errors": [{"code": 130429}]})
        assert Delivery(passed_over=("value:errors",)) == read

    def test_a_number_too_long_to_print_is_no_id(self) -> None:
        """Python refuses to print such integers; the parser never tries."""
        read = parse_value({"messages": [message(**{"from": 10**5000})]})
        assert Delivery(passed_over=("malformed:message",)) == read

    def test_invented_words_stay_bounded(self) -> None:
        """No word from outside becomes a metric's label."""
        read = parse_value({"messages": [message(**{"from": "1", "type": "hologram" * 40})]})
        assert read.passed_over == ("type:other",)
        assert len(read.messages[0].type) == 64
        assert parse_value({}, "x" * 99).passed_over == ("field:other",)

    def test_a_body_without_entries_is_counted(self) -> None:
        """An empty object is no delivery."""
        assert Delivery(passed_over=("malformed:entry",)) == parse_delivery({})


class TestNeedsAnswer:
    @pytest.mark.parametrize(
        "kind", ["text", "image", "audio", "location", "contacts", "order", "hologram"]
    )
    def test_what_a_customer_sends_is_answered(self, kind: str) -> None:
        """Whoever sends something, new kinds included, hears from the bot."""
        assert needs_answer(inbound(type=kind))

    @pytest.mark.parametrize("kind", sorted(SILENT_TYPES))
    def test_silent_types_cost_nothing(self, kind: str) -> None:
        """A thumb up is no question."""
        assert not needs_answer(inbound(type=kind))

    def test_groups_are_left_alone(self) -> None:
        """The bot never speaks up in a group."""
        assert not needs_answer(inbound(group_id="Y2FwaV9ncm91cDo"))

    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            ({"errors": [{"code": 131060}]}, False),
            ({"errors": [{"code": 131051}]}, True),
            ({"errors": "none"}, True),
            ({"errors": [{"code": 131051}], "unsupported": {"type": "edit"}}, False),
            ({"errors": [{"code": 131051}], "unsupported": {"type": "poll"}}, True),
        ],
    )
    def test_unsupported_messages(self, rest: dict[str, Any], *, expected: bool) -> None:
        """What we cannot read is answered, unless it is gone or asks for nothing."""
        assert expected == needs_answer(inbound(type="unsupported", **rest))

    def test_a_call_permission_is_no_question(self) -> None:
        """Tapping allow or deny on a call request is answered by nobody."""
        reply = {"type": "call_permission_reply"}
        assert not needs_answer(inbound(type="interactive", interactive=reply))
