"""Every request has an id; the log tells of those that matter, and of nobody by name."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from daemon.api.tracing import Refusals
from daemon.core.store.group_commit import GroupCommit
from daemon.logs import Traced
from tests.doubles.admin import NEW, Admin, assert_problem, open_admin
from tests.doubles.daemon_process import wait_until
from tests.doubles.stage import build_text_webhook

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUSTOMER = "34600111222"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Admin]:
    """Serve all tests of this file."""
    async with open_admin(tmp_path_factory.mktemp("house")) as opened:
        yield opened


class Lines(logging.Handler):
    """Keeps what a log would hold: records with what was bound when they were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.addFilter(Traced())

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def tell(self, message: str, *names: str) -> list[tuple[Any, ...]]:
        """List the lines with a message, as their facts of these names."""
        return [
            tuple(vars(record).get(name) for name in ("levelname", *names))
            for record in self.records
            if record.getMessage() == message
        ]


@pytest.fixture
def lines() -> Any:
    root, kept = logging.getLogger(), Lines()
    former = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield kept
    root.removeHandler(kept)
    root.setLevel(former)


async def test_an_answer_names_its_request(admin: Admin) -> None:
    """Each has an id of its own; one that a proxy gave is kept, and an odd one replaced."""
    ids = [(await admin.call("GET", "/clients")).headers["X-Request-ID"] for _ in range(2)]
    assert [12, 12] == [len(each) for each in ids]
    assert ids[0] != ids[1]
    for given, kept in (("proxy-1.a_B", True), ("", False), ("x" * 65, False), ("a b", False)):
        answer = await admin.call("GET", "/clients", headers={"X-Request-ID": given})
        assert kept == (given == answer.headers["X-Request-ID"])
    for path in ("/health", "/nowhere", "/webhook"):
        assert "X-Request-ID" in (await admin.call("GET", path)).headers


async def test_each_call_has_one_line(admin: Admin, lines: Lines) -> None:
    """Who called what and how it went, without the path's customer and without the query."""
    facts = ("method", "path", "status", "token", "request")
    sent = {"X-Request-ID": "r-1"}
    await admin.call("GET", f"/clients/1/contacts/{CUSTOMER}?x={CUSTOMER}", headers=sent)
    await admin.call("POST", "/clients", NEW, headers=sent)
    expected = [
        ("INFO", "GET", "/clients/{id}/contacts/{customer}", 422, "operator", "r-1"),
        ("INFO", "POST", "/clients", 201, "operator", "r-1"),
    ]
    assert expected == lines.tell("request", *facts)
    assert all(latency_ms > 0 for _, latency_ms in lines.tell("request", "latency_ms"))
    assert CUSTOMER not in repr([vars(record) for record in lines.records])


async def test_what_is_polled_is_quiet_while_it_goes_well(admin: Admin, lines: Lines) -> None:
    """`released top` and Prometheus would fill the log."""
    await admin.call("GET", "/metrics")
    await admin.call("GET", "/events?after=x")
    assert [("DEBUG", 200), ("INFO", 422)] == lines.tell("request", "status")


async def test_a_webhook_has_no_line_while_it_goes_well(admin: Admin, lines: Lines) -> None:
    """At DEBUG its id is tied to the conversations it rang for."""
    answer = await admin.house.post(build_text_webhook("hola", customer=CUSTOMER, wamid="w1"))
    assert 200 == answer.status
    request = answer.headers["X-Request-ID"]
    assert [("DEBUG", "/webhook", request)] == lines.tell("request", "path", "request")
    assert [("DEBUG", request, 1)] == lines.tell("rung", "request", "client")
    assert [] == lines.tell("refused")


async def test_nothing_is_made_for_a_line_that_is_not_written(admin: Admin, lines: Lines) -> None:
    """At INFO a good delivery leaves nothing."""
    logging.getLogger().setLevel(logging.INFO)
    await admin.house.post(build_text_webhook("hola", customer=CUSTOMER, wamid="w2"))
    told = {record.getMessage() for record in lines.records}
    assert set() == told & {"request", "rung", "refused", "claimed"}


async def test_a_request_that_fails_is_found_by_its_id(
    admin: Admin, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is told what to look for; the line has the path's template."""

    async def fail(_self: object, _job: object) -> None:
        raise ZeroDivisionError(CUSTOMER)

    headers = {"Authorization": f"Bearer {admin.token}", "X-Request-ID": "r-9"}
    with monkeypatch.context() as patched:
        patched.setattr(GroupCommit, "read", fail)
        path = f"/clients/1/contacts/{CUSTOMER}"
        refused = await admin.house.call("GET", path, headers=headers)
    assert "r-9" in assert_problem(refused)["detail"]
    template = "/clients/{id}/contacts/{customer}"
    assert [("ERROR", template, "r-9")] == lines.tell("request failed", "path", "request")


async def test_strangers_cannot_flood_the_log(admin: Admin, lines: Lines) -> None:
    """Of each kind of refusal one line at once; the rest are counted."""
    for number in range(5):
        await admin.house.call("POST", "/webhook", data=b"{}")
        await admin.house.call("GET", "/clients")
        await admin.house.call("GET", f"/{CUSTOMER}/{number}")
    expected = [
        ("WARNING", "/webhook", 401, 1),
        ("INFO", "/clients", 401, 1),
        ("INFO", "unknown", 404, 1),
    ]
    told = lines.tell("refused", "path", "status", "times")
    # Earlier tests may have begun the minute of one of them.
    assert told == [line for line in expected if line in told]
    assert expected[0] in told


async def test_what_was_counted_is_told_when_the_time_is_over(lines: Lines) -> None:
    """Once, as one line that is of no request; then the first is told at once again."""
    refusals = Refusals(every_s=0.02)
    for _ in range(3):
        refusals.note("/webhook", 401)
    assert [("WARNING", 1)] == lines.tell("refused", "times")
    await wait_until(lambda: asyncio.sleep(0, len(lines.tell("refused")) == 2))
    assert [("WARNING", 1), ("WARNING", 2)] == lines.tell("refused", "times")
    assert [None] == [request for _, request in lines.tell("refused", "request")[1:]]
    await wait_until(lambda: asyncio.sleep(0, not refusals.is_counting))
    refusals.note("/webhook", 401)
    refusals.note("/clients", 503)
    assert [1, 2, 1, 1] == [times for _, times in lines.tell("refused", "times")]
