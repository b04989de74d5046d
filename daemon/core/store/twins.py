"""Clients that share a name or a phone number: a REF that names one of them names the others too.

Owns how they are found, in one query however many clients there are. Refuses nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from daemon.core.store.schema import clients


@dataclass(frozen=True, slots=True)
class Twins:
    """Ids of the other clients with a client's name, and of those with its phone number."""

    by_name: tuple[int, ...] = ()
    by_phone: tuple[int, ...] = ()


NO_TWINS = Twins()


def find_twins(conn: sa.Connection) -> Mapping[int, Twins]:
    """Find all that share anything, inactive ones too, by id; who is not in it shares nothing."""
    query = sa.select(clients.c.id, clients.c.name, clients.c.phone_number).order_by(clients.c.id)
    rows = conn.execute(
        query.where(_is_shared(clients.c.name) | _is_shared(clients.c.phone_number))
    ).all()
    named: dict[str, list[int]] = defaultdict(list)
    called: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        named[row.name].append(row.id)
        called[row.phone_number].append(row.id)
    return {
        row.id: Twins(
            by_name=_leave_out(row.id, named[row.name]),
            by_phone=_leave_out(row.id, called[row.phone_number]),
        )
        for row in rows
    }


def _is_shared(column: sa.Column[str]) -> sa.ColumnElement[bool]:
    return column.in_(sa.select(column).group_by(column).having(sa.func.count() > 1))


def _leave_out(own_id: int, ids: Sequence[int]) -> tuple[int, ...]:
    return tuple(one for one in ids if one != own_id)
