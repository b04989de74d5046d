"""What makes each alert fire, told through the daemon's own meters; nothing else is written here.

What a whole daemon can be made to show stands in `alarm_house`.
"""

from collections.abc import Callable
from pathlib import Path

from daemon.core.assistants.engine import EngineFailed, Reply, Usage
from daemon.core.store.turns import TurnRecord
from daemon.metrics import Metrics
from daemon.work.tally import tally_failure, tally_turn
from tests.doubles.alarms import Story

Scene = Callable[[Path], Story]

HOUR = 60.0
WEEK = 7 * 24 * HOUR
GIB = 1 << 30


def _tell_of(change: Callable[[Metrics], None], *, minutes: float, before: float = 30) -> Story:
    """Let all be well for a while, then change something that stays so."""
    metrics, story = Metrics(), Story()
    metrics.expect_engine("responses")
    metrics.of_client(1)
    metrics.disk_free.set(50 * GIB)
    metrics.disk_size.set(100 * GIB)
    story.tell(metrics.render(), minutes=before)
    story.stay_calm()
    change(metrics)
    story.tell(metrics.render(), minutes=minutes)
    return story


def _answer(metrics: Metrics, cause: str | None) -> None:
    reply = Reply("answered", "Sí.") if cause is None else Reply("unanswered", usage=Usage())
    record = TurnRecord("responses", 1, reply, cause, 900)
    tally_turn(metrics, 1, record, messages=1)


def lose_the_daemon(_folder: Path) -> Story:
    story = Story()
    story.tell(Metrics().render(), minutes=5)
    story.stay_calm()
    story.fail(minutes=4)
    return story


def start_again_and_again(_folder: Path) -> Story:
    metrics, story = Metrics(), Story()
    for start in range(4):
        metrics.started.set(1_000 + start)
        story.tell(metrics.render(), minutes=5)
        if start == 0:
            story.stay_calm()
    return story


def hold_up_the_loop(_folder: Path) -> Story:
    metrics, story = Metrics(), Story()
    for minute in range(30):
        metrics.loop_lag.observe(0.001 if minute < 10 else 0.4)
        story.tell(metrics.render(), minutes=1)
        if minute == 9:
            story.stay_calm()
    return story


def run_out_of_files(folder: Path) -> Story:
    """Play a process in a /proc of its own; as under systemd, there is no /proc/stat in it."""
    proc = folder / "self"
    (proc / "fd").mkdir(parents=True)
    (proc / "stat").write_text("1 (released) S " + " ".join(["1"] * 50))
    (proc / "limits").write_text(
        "Max open files            10                   10           files\n"
    )
    metrics, story = Metrics(proc=str(folder)), Story()
    story.tell(metrics.render(), minutes=2)
    story.stay_calm()
    for number in range(9):
        (proc / "fd" / str(number)).touch()
    story.tell(metrics.render(), minutes=7)
    return story


def acknowledge_slowly(_folder: Path) -> Story:
    metrics, story = Metrics(), Story()
    for minute in range(30):
        for _ in range(5):
            metrics.ack_seconds.observe(0.002 if minute < 12 else 2.0)
        story.tell(metrics.render(), minutes=1)
        if minute == 11:
            story.stay_calm()
    return story


def hear_nothing(_folder: Path) -> Story:
    """Be busy for two hours; a week later the same hours are silent."""
    metrics, story = Metrics(), Story(step_s=600)
    for _ in range(12):
        metrics.webhooks.labels("200").inc(5)
        story.tell(metrics.render(), minutes=10)
    story.tell(metrics.render(), minutes=WEEK - 3 * HOUR)
    story.stay_calm()
    story.tell(metrics.render(), minutes=2.5 * HOUR)
    return story


def fail_at_the_model(_folder: Path) -> Story:
    def change(metrics: Metrics) -> None:
        for cause in (None, None, "timeout", "server", "timeout", "connection", "server"):
            _answer(metrics, cause)

    return _tell_of(change, minutes=8)


def be_refused_by_the_model(_folder: Path) -> Story:
    failed = EngineFailed("quota", "The account has no credit left.", alert=True, status=429)
    return _tell_of(lambda metrics: tally_failure(metrics, failed), minutes=3)


def be_throttled_by_the_model(_folder: Path) -> Story:
    def change(metrics: Metrics) -> None:
        for _ in range(25):
            tally_failure(metrics, EngineFailed("rate_limited", "429", status=429))

    return _tell_of(change, minutes=3)


def be_held_back(_folder: Path) -> Story:
    metrics, story = Metrics(), Story()
    for minute in range(60):
        metrics.of_client(1).rate_wait.inc(0.0 if minute < 20 else 45.0)
        story.tell(metrics.render(), minutes=1)
        if minute == 19:
            story.stay_calm()
    return story


def fail_to_send(_folder: Path) -> Story:
    return _tell_of(lambda metrics: metrics.sends.labels("retry").inc(9), minutes=8)


def let_a_token_end(days: float) -> Scene:
    def scene(_folder: Path) -> Story:
        return _tell_of(lambda metrics: metrics.of_client(1).note_token_days(days), minutes=8)

    return scene


def be_reported(_folder: Path) -> Story:
    return _tell_of(lambda metrics: metrics.of_client(1).note_quality("RED"), minutes=18)


def let_a_certificate_end(days: float, *, minutes: float) -> Scene:
    def scene(_folder: Path) -> Story:
        return _tell_of(lambda metrics: metrics.certificate_days_left.set(days), minutes=minutes)

    return scene


def fill_the_disk(free: int) -> Scene:
    def scene(_folder: Path) -> Story:
        return _tell_of(lambda metrics: metrics.disk_free.set(free), minutes=8)

    return scene


def grow_the_write_log(_folder: Path) -> Story:
    return _tell_of(lambda metrics: metrics.wal_bytes.set(GIB), minutes=18)


def write_slowly(_folder: Path) -> Story:
    metrics, story = Metrics(), Story()
    for minute in range(40):
        metrics.write_seconds.observe(0.002 if minute < 12 else 0.9)
        story.tell(metrics.render(), minutes=1)
        if minute == 11:
            story.stay_calm()
    return story


def forget_the_backup(_folder: Path) -> Story:
    """Make the last one in the first hour."""
    metrics, story = Metrics(), Story(step_s=240)
    metrics.started.set(1)
    metrics.last_backup.set(HOUR * 60)
    story.tell(metrics.render(), minutes=36 * HOUR)
    story.stay_calm()
    story.tell(metrics.render(), minutes=1.5 * HOUR)
    return story


def make_no_backup(_folder: Path) -> Story:
    """There never was one, and the daemon has been up for long enough."""
    metrics, story = Metrics(), Story(step_s=240)
    metrics.started.set(HOUR * 60)
    metrics.last_backup.set(0)
    story.tell(metrics.render(), minutes=36 * HOUR)
    story.stay_calm()
    story.tell(metrics.render(), minutes=1.5 * HOUR)
    return story


SCENES: dict[str, Scene] = {
    "ReleasedDown-critical": lose_the_daemon,
    "ReleasedRestarting-critical": start_again_and_again,
    "ReleasedEventLoopLags-warning": hold_up_the_loop,
    "ReleasedFilesRunOut-warning": run_out_of_files,
    "ReleasedAcksSlow-warning": acknowledge_slowly,
    "ReleasedNoWebhooks-critical": hear_nothing,
    "ReleasedModelFailing-critical": fail_at_the_model,
    "ReleasedModelRefusesUs-critical": be_refused_by_the_model,
    "ReleasedModelThrottled-warning": be_throttled_by_the_model,
    "ReleasedClientHeldBack-warning": be_held_back,
    "ReleasedSendsFailing-critical": fail_to_send,
    "ReleasedAccessTokenExpires-warning": let_a_token_end(6.5),
    "ReleasedAccessTokenExpires-critical": let_a_token_end(0.5),
    "ReleasedNumberQualityRed-warning": be_reported,
    "ReleasedCertificateExpires-warning": let_a_certificate_end(10, minutes=65),
    "ReleasedCertificateExpires-critical": let_a_certificate_end(2, minutes=8),
    "ReleasedDiskNearlyFull-warning": fill_the_disk(9 * GIB),
    "ReleasedDiskNearlyFull-critical": fill_the_disk(GIB // 2),
    "ReleasedWriteLogGrows-warning": grow_the_write_log,
    "ReleasedDiskSlow-warning": write_slowly,
    "ReleasedBackupOld-warning": forget_the_backup,
}
"""By the alert's name and severity."""
