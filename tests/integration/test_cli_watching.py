"""What the commands that watch print into a pipe, and how they go on through an outage."""

import json

import pytest
import typer

from daemon.core.errors import NotFound, Retryable
from daemon.core.store.people import NOBODY
from released_cli.listen import describe_event, follow_events
from released_cli.log import FORGOTTEN, Turns, describe_turn
from released_cli.top import print_documents
from released_cli.watching.lines import write_plainly
from released_cli.watching.polling import LONGEST_WAIT_S, Patience
from tests.doubles.watched import Office, make_event, make_status, make_turn

Printed = pytest.CaptureFixture[str]
NO_NEWS = {"cursor": "1", "events": []}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC0")


class Over(Exception):
    """It has been waited as often as the test allows."""


class Waits:
    """Stands for time going by: remembers each wait, and ends after `most`."""

    def __init__(self, most: int = 10) -> None:
        self.seconds: list[float] = []
        self.most = most

    def __call__(self, seconds: float) -> None:
        if len(self.seconds) == self.most:
            raise Over
        self.seconds.append(seconds)


def write(turn: dict[str, object]) -> list[str]:
    return [text for line in describe_turn(turn, None) for text in write_plainly(line)]


def test_a_turn_reads_as_a_conversation() -> None:
    """When and who, what was asked, what was answered, and how that came about."""
    turn = make_turn(1, question="Hola\n¿Abrís hoy?", answer="Sí.")
    by = "1.2 s · responses gpt-6-luna, version 3 · 812 + 64 tokens · $0.0004"
    assert [
        "2026-11-22 12:00:01  34600111222",
        "  Q Hola",
        "    ¿Abrís hoy?",
        "  A Sí.",
        f"    ✓ answered from F1, F3 · {by} · read",
        "",
    ] == write(turn)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"outcome": "answered", "faq_ids": []}, "✓ answered"),
        ({"outcome": "clarify", "faq_ids": ["F1"]}, "? asked back"),
        ({"outcome": "unanswered", "handoff": True}, "✗ unanswered → asks for a person"),
        ({"handoff": True}, "✓ answered from F1, F3 → asks for a person"),
        ({"outcome": "unanswered", "cause": "timeout"}, "✗ unanswered: timeout"),
    ],
)
def test_an_outcome_has_its_mark(changes: dict[str, object], told: str) -> None:
    """Each outcome is told apart without colour, with its cause."""
    assert f"    {told} · 1.2 s" == write(make_turn(1, **changes))[3][: len(told) + 12]


def test_what_is_not_known_is_left_out() -> None:
    """A local engine has no model, no tokens and no cost; a turn may have sent nothing."""
    free = {"model": None, "input_tokens": 0, "output_tokens": 0, "cost_usd": None}
    turn = make_turn(1, **free, engine="local", state=None)
    assert "    ✓ answered from F1, F3 · 1.2 s · local, version 3" == write(turn)[3]


def test_a_turn_without_its_texts() -> None:
    """What was deleted says why, once; what was no text is told too."""
    assert "RETENTION_DAYS" in write(make_turn(1, question=None, answer=None))[1]
    erased = write(make_turn(1, customer=NOBODY, question=None, answer=None))
    assert [f"    {FORGOTTEN}"] == erased[1:-2]
    shown = write(make_turn(1, question=None, answer="Sí.", state="in_doubt"))
    assert ["  Q (no text)", "  A Sí."] == shown[1:3]
    assert shown[3].endswith(" · in doubt")


def test_nothing_a_customer_wrote_steers_the_terminal() -> None:
    """Control characters are replaced in texts, names and facts."""
    assert "  Q \ufffd[31mred\ufffd" == write(make_turn(1, question="\x1b[31mred\x07"))[1]
    event = make_event("message.parked", client="A\x1b[2J", error="x\ny")
    assert "\x1b" not in "".join(write_plainly(describe_event(event)))


def test_clients_are_named_by_looking_once(capsys: Printed) -> None:
    """The names are asked for once, and again for a client that is new; one unknown has its id."""
    clients = [[{"id": 1, "name": "La Plaza"}], [{"id": 2, "name": "Bar\nSol"}]]
    ids = (1, 1, 2, 9)
    turns = [make_turn(number, client_id=of) for number, of in enumerate(ids, start=1)]
    office = Office(turns=[turns], clients=clients)
    Turns(office, ref=None, query=None, as_json=False).list_once(4)
    heads = [line[21:] for line in capsys.readouterr().out.splitlines() if line[:4] == "2026"]
    said = ["La Plaza", "La Plaza", "Bar Sol", "client 9"]
    assert [f"{name} · 34600111222" for name in said] == heads
    assert ["turns", "clients", "clients", "clients"] == [name for name, _ in office.asked]


@pytest.mark.parametrize(
    ("wanted", "said"), [(None, "Nothing was asked yet.\n"), ("wifi", "Nothing found.\n")]
)
def test_an_empty_log_says_so(wanted: str | None, said: str, capsys: Printed) -> None:
    """Nothing to show is told to the person, and stdout stays empty."""
    Turns(Office(turns=[[]]), ref=None, query=wanted, as_json=False).list_once(20)
    assert ("", said) == capsys.readouterr()


def test_following_shows_each_turn_once(capsys: Printed) -> None:
    """New turns are looked for when an event tells of one, and none is shown twice."""
    one, two, three = (make_turn(number) for number in (1, 2, 3))
    office = Office(
        events=[
            {"cursor": "0", "events": []},
            {"cursor": "1", "events": [make_event("message.received")]},
            {"cursor": "2", "events": [make_event("turn.answered")]},
            {"cursor": "3", "events": [make_event("turn.answered")]},
            {"cursor": "4", "events": []},
        ],
        turns=[[one], [one, two], [one, two]],
    )
    with pytest.raises(Over):
        Turns(office, ref="1", query="a", as_json=True, pause=Waits(4)).follow(20)
    lines = capsys.readouterr().out.splitlines()
    assert [1, 2] == [json.loads(line)["id"] for line in lines]
    assert three["id"] not in {json.loads(line)["id"] for line in lines}
    wanted = {"client": "1", "query": "a", "only": None}
    assert ("turns", {**wanted, "limit": 20}) == office.asked[1]
    assert ("turns", {**wanted, "limit": 100}) == office.asked[4]
    cursors = [asked["after"] for name, asked in office.asked if name == "events"]
    assert [None, "0", "1", "2", "3"] == cursors


def test_following_a_rush_loses_no_turn(capsys: Printed) -> None:
    """When all that was looked at is new, it looks further back."""
    rush = [make_turn(number) for number in range(1, 151)]
    news = {"cursor": "1", "events": [make_event("turn.answered")]}
    office = Office(events=[NO_NEWS, news, NO_NEWS], turns=[[], rush[50:], rush])
    with pytest.raises(Over):
        Turns(office, ref="1", query=None, as_json=True, pause=Waits(1)).follow(20)
    shown = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert [*range(1, 151)] == shown


def test_following_prints_for_people_too(capsys: Printed) -> None:
    """Without --json each new turn is the same conversation as in the list."""
    office = Office(events=[NO_NEWS], turns=[[make_turn(1)]])
    with pytest.raises(Over):
        Turns(office, ref="1", query=None, as_json=False, pause=Waits(0)).follow(20)
    assert capsys.readouterr().out.startswith("2026-11-22 12:00:01  34600111222\n  Q ¿Cuál")


def test_events_are_lines(capsys: Printed) -> None:
    """One line an event: when, what, whose, and its facts by name; none that is not set."""
    event = make_event("turn.answered", outcome="answered", turn_id=7, ids=["a", "b"], cause=None)
    office = Office(events=[NO_NEWS, {"cursor": "2", "events": [event]}, NO_NEWS])
    with pytest.raises(Over):
        follow_events(office, client_id=None, as_json=False, pause=Waits(1))
    expected = "2026-11-22 12:00:00  turn.answered         La Plaza  turn_id=7  ids=a,b\n"
    assert expected == capsys.readouterr().out


def test_an_event_of_no_client_is_a_line_too() -> None:
    """A change that concerns no client has a dash in its place."""
    event = make_event("client.changed", client=None, client_id=None, action="token.create")
    expected = ["2026-11-22 12:00:00  client.changed        -  action=token.create"]
    assert expected == write_plainly(describe_event(event))


def test_listening_to_one_client(capsys: Printed) -> None:
    """Events of others are passed over."""
    events = [make_event("send.read", n=1), make_event("send.read", n=2, client_id=2)]
    office = Office(events=[NO_NEWS, {"cursor": "2", "events": events}, NO_NEWS])
    with pytest.raises(Over):
        follow_events(office, client_id=2, as_json=True, pause=Waits(1))
    assert [2] == [json.loads(line)["n"] for line in capsys.readouterr().out.splitlines()]


def test_many_events_are_fetched_without_waiting(capsys: Printed) -> None:
    """A full batch means that there is more: it is fetched at once, from where the first ended."""
    full = {"cursor": "2", "events": [make_event("send.read", n=n) for n in range(100)]}
    office = Office(events=[NO_NEWS, full, {"cursor": "3", "events": full["events"][:5]}, NO_NEWS])
    with pytest.raises(Over):
        follow_events(office, client_id=None, as_json=True, pause=Waits(0))
    assert 105 == len(capsys.readouterr().out.splitlines())
    assert [None, "1", "2"] == [asked["after"] for _, asked in office.asked]


def test_listening_survives_an_outage(capsys: Printed) -> None:
    """While nobody answers it says so once and waits; then it goes on where it was."""
    away = Retryable("Nothing answers there.")
    busy = Retryable("It is busy.", retry_after_s=7)
    forever = Retryable("It is busy.", retry_after_s=9999)
    news = {"cursor": "2", "events": [make_event("send.read")]}
    waits = Waits(4)
    office = Office(events=[NO_NEWS, away, busy, forever, news, away, NO_NEWS])
    with pytest.raises(Over):
        follow_events(office, client_id=None, as_json=True, pause=waits)
    printed = capsys.readouterr()
    assert 1 == len(printed.out.splitlines())
    assert [
        "Nothing answers there. Waiting until it answers; Ctrl-C ends.",
        "It answers again.",
        "Nothing answers there. Waiting until it answers; Ctrl-C ends.",
    ] == printed.err.splitlines()
    assert [1.0, 7, LONGEST_WAIT_S, 1.0] == waits.seconds
    assert [None, "1", "1", "1", "1", "2"] == [asked["after"] for _, asked in office.asked]


def test_who_never_answered_is_not_waited_for() -> None:
    """A wrong address is told at once, and so is a refusal at any time."""
    with pytest.raises(Retryable):
        follow_events(Office(events=[Retryable()]), client_id=None, as_json=True, pause=Waits())
    with pytest.raises(Retryable):
        Patience(Waits()).ask(Office(status=[Retryable()]).read_status)
    with pytest.raises(NotFound):
        Patience(Waits(), met=True).ask(Office(status=[NotFound()]).read_status)


def test_top_prints_a_document_a_second(capsys: Printed) -> None:
    """Off a terminal each look is one line of JSON; an outage leaves lines out, no more."""
    document = make_status()
    office = Office(status=[document, Retryable("Away."), document])
    waits = Waits()
    assert 0 == print_documents(office, 3, pause=waits)
    printed = capsys.readouterr()
    assert [document] * 3 == [json.loads(line) for line in printed.out.splitlines()]
    assert 3 == len(waits.seconds)
    assert "Away. Waiting" in printed.err


@pytest.mark.parametrize("ends", [KeyboardInterrupt(), typer.Exit(0)])
def test_top_ends_quietly(ends: BaseException, capsys: Printed) -> None:
    """Ctrl-C is 130 and says nothing; a reader that leaves is no failure."""

    def leave(_seconds: float) -> None:
        raise ends

    office = Office(status=[make_status()])
    if isinstance(ends, KeyboardInterrupt):
        assert 130 == print_documents(office, None, pause=leave)
    else:
        with pytest.raises(typer.Exit):
            print_documents(office, None, pause=leave)
    assert "" == capsys.readouterr().err
