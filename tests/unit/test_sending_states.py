"""One word for how an answer of several messages has fared."""

import pytest

from daemon.core.turnlog import sending_state


@pytest.mark.parametrize(
    ("sends", "state"),
    [
        ([], None),
        ([("queued", None)], "queued"),
        ([("in_doubt", None)], "in_doubt"),
        ([("sent", None)], "sent"),
        ([("sent", "sent")], "sent"),
        ([("sent", "delivered")], "delivered"),
        ([("sent", "played")], "read"),
        ([("sent", "failed")], "failed"),
        ([("sent", "deleted")], "sent"),
        ([("parked", "failed")], "parked"),
        ([("sent", "read"), ("sent", "delivered")], "delivered"),
        ([("sent", "read"), ("queued", None)], "queued"),
        ([("sending", None), ("queued", None)], "sending"),
        ([("sent", "failed"), ("queued", None)], "failed"),
        ([("sent", "failed"), ("parked", None)], "parked"),
    ],
)
def test_the_part_that_is_worst_off_speaks(
    sends: list[tuple[str, str | None]], state: str | None
) -> None:
    """What needs somebody first, then what is least far."""
    assert state == sending_state(sends)
