"""Holds a line of the doctor's against what it should say."""

from daemon.core.doctor.finding import Finding

SECRET = "EAAsecret"


def assert_says(finding: Finding | None, state: str, *words: str) -> None:
    """Hold a line against its state; all but ok and some skipped ones have a next step."""
    assert finding is not None
    assert state == finding.state, finding
    told = f"{finding.detail} {finding.next}"
    assert [] == [word for word in words if word not in told], told
    if state == "ok":
        assert finding.next is None
    if state in {"warning", "error"}:
        assert finding.next
    assert SECRET not in told
