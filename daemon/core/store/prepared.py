"""Statements that every answer runs, written in SQLAlchemy and run by the driver itself.

A statement costs SQLAlchemy 40 us each time, however it was built before, and the driver 3; an
answer runs some twenty. So these are compiled once, on their first use. Values go in as SQLite
takes them, and rows come out as plain tuples: whoever keeps JSON or booleans sees to that.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import sqlalchemy as sa

Row = tuple[Any, ...]

ROWS_LIMIT = 64
"""Rows of one statement. The driver remembers 128 statements, and one of each size takes half."""


class Prepared:
    """One statement; its bound parameters are named as in SQLAlchemy, and given by keyword.

    `columns` names what an INSERT or UPDATE is given to set, beside what it sets by itself.
    """

    def __init__(self, statement: sa.Executable, *, columns: Iterable[str] = ()) -> None:
        """Compile nothing yet: the CLI imports many statements and runs few."""
        self._statement = statement
        self._columns = tuple(columns)

    def rows(self, conn: sa.Connection, **values: object) -> list[Row]:
        """Run it and give all its rows."""
        found: list[Row] = _driver(conn).execute(self._sql, self._bound | values).fetchall()
        return found

    def first(self, conn: sa.Connection, **values: object) -> Row | None:
        """Run it and give its first row, if there is one."""
        rows = self.rows(conn, **values)
        return rows[0] if rows else None

    def run(self, conn: sa.Connection, **values: object) -> int:
        """Run what returns no rows; say how many it changed."""
        changed: int = _driver(conn).execute(self._sql, self._bound | values).rowcount
        return changed

    def run_each(self, conn: sa.Connection, many: Iterable[dict[str, object]]) -> int:
        """Run what returns no rows once for each of many; say how many rows were changed."""
        given = [self._bound | values for values in many]
        changed: int = _driver(conn).executemany(self._sql, given).rowcount
        return changed

    @cached_property
    def _compiled(self) -> Any:
        return _compile(self._statement, "named", self._columns)

    @cached_property
    def _sql(self) -> str:
        return str(self._compiled)

    @cached_property
    def _bound(self) -> dict[str, object]:
        """What the statement binds by itself; one that nobody gives is an error of the driver's."""
        given = {name for name, bind in self._compiled.binds.items() if bind.required}
        return {name: value for name, value in self._compiled.params.items() if name not in given}


class PreparedRows:
    """One INSERT of many rows, each a tuple of its `columns` in the table's order.

    A statement for all of them: on the writer's thread each one that returns to Python has to win
    its lock back from the loop. As dictionaries the rows would cost half of what SQLite takes.
    """

    def __init__(self, statement: sa.Executable, *, columns: Iterable[str]) -> None:
        """Compile nothing yet. What is set beside the columns must be written as a literal."""
        self._statement = statement
        self._columns = tuple(columns)

    def insert(self, conn: sa.Connection, rows: Sequence[Row]) -> int:
        """Insert the rows; say how many of them were new."""
        changed = 0
        for start in range(0, len(rows), ROWS_LIMIT):
            part = rows[start : start + ROWS_LIMIT]
            values = tuple(chain.from_iterable(part))
            changed += _driver(conn).execute(self._sql(len(part)), values).rowcount
        return changed

    def _sql(self, count: int) -> str:
        before, row, after = self._parts
        return f"{before}{', '.join([row] * count)}{after}"

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        """Give what stands before the values of a row, these, and what stands behind."""
        compiled = _compile(self._statement, "qmark", self._columns)
        if compiled.positiontup != list(self._columns):
            raise ValueError(
                "The columns do not stand as in the table: values would change places."
            )
        before, word, rest = str(compiled).partition(" VALUES ")
        row, end, after = rest.partition(")")
        return before + word, row + end, after


def _compile(statement: sa.Executable, paramstyle: str, columns: tuple[str, ...]) -> Any:
    from sqlalchemy.dialects.sqlite import dialect  # noqa: PLC0415 - as the constructors say

    assert isinstance(statement, sa.ClauseElement)  # noqa: S101 - every statement is one
    return statement.compile(dialect=dialect(paramstyle=paramstyle), column_keys=columns or None)


def _driver(conn: sa.Connection) -> Any:
    return conn.connection.driver_connection
