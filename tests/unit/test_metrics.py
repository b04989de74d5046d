"""What /metrics may hold stays bounded, and starts at 0 where a first step must be seen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.core.assistants.engine import EngineFailed, Reply, Usage
from daemon.core.store.turns import TurnRecord
from daemon.metrics import Metrics, fold_code, fold_status
from daemon.work.tally import tally_failure, tally_turn


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def lines(metrics: Metrics, part: str) -> list[str]:
    text = metrics.render().decode()
    return [line for line in text.splitlines() if part in line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (131056, "131056"),
        ("190", "190"),
        (0, "0"),
        (217, "217"),
        (999_999, "other"),
        ("999999", "other"),
        ("-7", "other"),
        ("not_sent", "not_sent"),
    ],
)
def test_only_known_codes_are_labels(error: int | str, label: str) -> None:
    """Whatever number Meta sends, the labels stay few; our own words are few already."""
    assert label == fold_code(error)


@pytest.mark.parametrize(
    ("status", "label"), [(None, "none"), (429, "429"), (7, "other"), (99_999, "other")]
)
def test_only_http_statuses_are_labels(status: int | None, label: str) -> None:
    """A server that answers nonsense makes no new series each time."""
    assert label == fold_status(status)


@pytest.mark.parametrize(
    "start",
    [
        'released_webhooks_total{status="503"} 0.0',
        'released_sends_total{outcome="retry"} 0.0',
        'released_model_errors_total{cause="quota",status="429"} 0.0',
        'released_turns_total{cause="timeout",engine="responses",outcome="unanswered"} 0.0',
        'released_client_answers_total{client="7",outcome="unanswered"} 0.0',
        'released_model_cost_usd_total{client="7"} 0.0',
    ],
)
def test_what_is_waited_for_starts_at_nothing(metrics: Metrics, start: str) -> None:
    """A counter that appears with its first step hides that step from `increase`."""
    metrics.expect_engine("responses")
    metrics.of_client(7)
    assert [start] == lines(metrics, start)


def test_no_second_line_says_when_a_counter_was_made(metrics: Metrics) -> None:
    """With hundreds of clients that would be thousands of lines for nobody."""
    assert [] == lines(metrics, "_created")


def test_what_a_deactivated_client_had_leaves(metrics: Metrics) -> None:
    """All of its series at once; another client's stay, and it may come back from 0."""
    for client_id in (1, 2):
        meters = metrics.of_client(client_id)
        meters.messages.inc()
        meters.note_name("Bar")
        meters.note_quality("GREEN")
        meters.note_token_days(3)
        meters.pending.set(4)
    before = len(lines(metrics, 'client="2"'))
    metrics.keep_clients([2])
    assert [] == lines(metrics, 'client="1"')
    assert before == len(lines(metrics, 'client="2"'))
    metrics.of_client(1)
    assert ['released_client_messages_total{client="1"} 0.0'] == lines(
        metrics, 'client_messages_total{client="1"}'
    )


@pytest.mark.parametrize(
    ("rating", "quality"),
    [("GREEN", "green"), ("RED", "red"), ("NA", "unknown"), (None, "unknown"), ("", "unknown")],
)
def test_a_number_has_one_quality(metrics: Metrics, rating: str | None, quality: str) -> None:
    """What Meta said before is gone, and a word that we do not know is no label."""
    meters = metrics.of_client(1)
    for said in ("YELLOW", rating, rating):
        meters.note_quality(said)
    assert [f'released_number_quality{{client="1",quality="{quality}"}} 1.0'] == lines(
        metrics, "released_number_quality"
    )


def test_a_renamed_client_has_one_name(metrics: Metrics) -> None:
    """Quotes in it break nothing."""
    for name in ("Bar Sol", 'Bar "La Luna"'):
        metrics.of_client(1).note_name(name)
    assert [r'released_client_info{client="1",name="Bar \"La Luna\""} 1.0'] == lines(
        metrics, "released_client_info"
    )


def test_an_answer_is_counted_for_its_client(metrics: Metrics) -> None:
    """Messages, outcome, tokens and cost; what cost nothing adds nothing."""
    usage = Usage("m", input_tokens=10, cached_tokens=0, output_tokens=3, cost_usd=0.5)
    for reply in (Reply("answered", "Sí.", usage=usage), Reply("clarify", "¿?")):
        tally_turn(metrics, 5, TurnRecord("chat", 1, reply, None, 40), messages=2)
    assert [
        'released_client_answers_total{client="5",outcome="answered"} 1.0',
        'released_client_answers_total{client="5",outcome="clarify"} 1.0',
        'released_client_answers_total{client="5",outcome="unanswered"} 0.0',
    ] == lines(metrics, "released_client_answers_total")
    assert ['released_client_messages_total{client="5"} 4.0'] == lines(metrics, "client_messages")
    assert [10.0, 0.0, 3.0] == [
        float(line.rpartition(" ")[2]) for line in lines(metrics, "model_tokens")
    ]
    assert ['released_model_cost_usd_total{client="5"} 0.5'] == lines(metrics, "model_cost")


def test_a_failed_call_is_counted_by_cause_and_status(metrics: Metrics) -> None:
    """Two kinds of 429 are told apart: slow down, and pay."""
    for cause in ("rate_limited", "quota", "quota"):
        tally_failure(metrics, EngineFailed(cause, "429", status=429))
    found = [line for line in lines(metrics, 'status="429"') if not line.endswith(" 0.0")]
    assert [
        'released_model_errors_total{cause="quota",status="429"} 2.0',
        'released_model_errors_total{cause="rate_limited",status="429"} 1.0',
    ] == found


def test_the_process_is_seen_without_a_whole_proc(tmp_path: Path) -> None:
    """The unit hides /proc/stat (ProcSubset=pid), without which the library shows nothing."""
    (tmp_path / "self").symlink_to("/proc/self")
    metrics = Metrics(proc=str(tmp_path))
    (start,) = lines(metrics, "process_start_time_seconds")
    (known,) = lines(Metrics(), "process_start_time_seconds")
    assert lines(metrics, "process_resident_memory_bytes")
    assert lines(metrics, "process_open_fds")
    assert pytest.approx(float(known.split()[1]), abs=2.0) == float(start.split()[1])


@pytest.mark.parametrize(
    "unknown",
    ["disk_free_bytes", "disk_size_bytes", "last_backup_timestamp", "certificate_days_left"],
)
def test_what_is_not_known_is_no_number(metrics: Metrics, unknown: str) -> None:
    """A 0 would be a fact, and an alert."""
    (line,) = lines(metrics, unknown)
    assert "NaN" == line.split()[1]


def test_a_part_holds_one_meter(metrics: Metrics) -> None:
    """So that hundreds of clients' figures do not hold up a webhook; together they are all."""
    parts = list(metrics.render_parts())
    helps: Callable[[bytes], int] = lambda part: part.count(b"# HELP")  # noqa: E731
    assert {1} == {helps(part) for part in parts}
    assert len(parts) == helps(metrics.render())
