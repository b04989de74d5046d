"""Assistants and their immutable versions: instructions and FAQs, added and never changed."""

from collections.abc import Sequence

import sqlalchemy as sa

from daemon.core.assistants.engine import AssistantVersion
from daemon.core.faqs import Faq, digest_faqs
from daemon.core.store.schema import assistant_versions, assistants, faqs


def insert_assistant(conn: sa.Connection, *, assistant_id: str, client_id: int, now: float) -> None:
    """Add an Assistant whose version 1 must follow in the same transaction."""
    conn.execute(
        sa.insert(assistants).values(
            id=assistant_id, client_id=client_id, version=0, created_at=now
        )
    )


def insert_version(
    conn: sa.Connection,
    *,
    client_id: int,
    instructions: str,
    entries: Sequence[Faq],
    now: float,
) -> int:
    """Add the next version of the client's Assistant, make it current, and return its number."""
    assistant_id, version = conn.execute(
        sa.update(assistants)
        .where(assistants.c.client_id == client_id)
        .values(version=assistants.c.version + 1)
        .returning(assistants.c.id, assistants.c.version)
    ).one()
    key = {"assistant_id": assistant_id, "version": version}
    conn.execute(
        sa.insert(assistant_versions).values(
            **key,
            instructions=instructions,
            faq_count=len(entries),
            faqs_digest=digest_faqs(entries),
            created_at=now,
        )
    )
    conn.execute(
        sa.insert(faqs),
        [
            {**key, "position": number, "question": entry.question, "answer": entry.answer}
            for number, entry in enumerate(entries, start=1)
        ],
    )
    return int(version)


def get_current_version(conn: sa.Connection, client_id: int) -> AssistantVersion:
    """Get the client's current version with its FAQs in file order."""
    row = conn.execute(
        sa.select(
            assistant_versions.c.assistant_id,
            assistant_versions.c.version,
            assistant_versions.c.instructions,
        ).select_from(_current(client_id))
    ).one()
    entries = conn.execute(
        sa.select(faqs.c.question, faqs.c.answer)
        .where(faqs.c.assistant_id == row.assistant_id, faqs.c.version == row.version)
        .order_by(faqs.c.position)
    )
    return AssistantVersion(
        assistant_id=row.assistant_id,
        version=row.version,
        instructions=row.instructions,
        faqs=tuple(Faq(question=entry.question, answer=entry.answer) for entry in entries),
    )


def _current(client_id: int) -> sa.Join:
    return sa.join(
        assistants,
        assistant_versions,
        sa.and_(
            assistants.c.client_id == client_id,
            assistant_versions.c.assistant_id == assistants.c.id,
            assistant_versions.c.version == assistants.c.version,
        ),
    )
