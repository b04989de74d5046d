"""The welcome message in answers that are taken up again: each customer gets it once.

Several answers carry it when none of them was sent before the next was made. Owns which one keeps
it, and knows it by its text: a welcome that was changed meanwhile, or that fills a message of its
own, is another text, and stays.
"""

from collections.abc import Collection

import sqlalchemy as sa

from daemon.core.meta.outbound import AFTER_WELCOME
from daemon.core.store.schema import clients, outbox

_WELCOME = clients.c.welcome_message + AFTER_WELCOME
_CARRIES = (
    sa.func.trim(clients.c.welcome_message) != "",
    sa.func.substr(outbox.c.text, 1, sa.func.length(_WELCOME)) == _WELCOME,
)


def leave_out_second_welcomes(conn: sa.Connection, turn_ids: Collection[int]) -> None:
    """Take the welcome off queued answers whose customer gets it with another one.

    That is an answer that Meta has or will be handed, or of these the first; not one that is
    parked, nor one that was not delivered.
    """
    queued = conn.execute(
        sa.select(outbox.c.seq, outbox.c.conversation_id, outbox.c.text, _WELCOME.label("welcome"))
        .join(clients, clients.c.id == outbox.c.client_id)
        .where(outbox.c.turn_id.in_(turn_ids), outbox.c.state == "queued", *_CARRIES)
        .order_by(outbox.c.seq)
    ).all()
    if not queued:
        return
    given = _find_given(conn, {one.conversation_id for one in queued}, {one.seq for one in queued})
    for one in queued:
        if one.conversation_id in given:
            rest = one.text.removeprefix(one.welcome)
            conn.execute(sa.update(outbox).where(outbox.c.seq == one.seq).values(text=rest))
        given.add(one.conversation_id)


def _find_given(
    conn: sa.Connection, conversation_ids: Collection[int], but: Collection[int]
) -> set[int]:
    """Find in which conversations another answer than these carries it."""
    rows = conn.execute(
        sa.select(outbox.c.conversation_id)
        .join(clients, clients.c.id == outbox.c.client_id)
        .where(
            outbox.c.conversation_id.in_(conversation_ids),
            outbox.c.seq.not_in(but),
            outbox.c.state != "parked",
            outbox.c.status.is_distinct_from("failed"),
            *_CARRIES,
        )
    )
    return set(rows.scalars())
