"""Statements that every answer runs, written in SQLAlchemy and run by the driver itself.

A statement costs SQLAlchemy 40 us each time, however it was built before, and the driver 3; an
answer runs some twenty. So these are compiled once, on their first use. Values go in as SQLite
takes them, and rows come out as plain tuples: whoever keeps JSON or booleans sees to that.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import sqlalchemy as sa

Row = tuple[Any, ...]


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
        from sqlalchemy.dialects.sqlite import dialect  # noqa: PLC0415 - as the constructor says

        assert isinstance(self._statement, sa.ClauseElement)  # noqa: S101 - every statement is one
        return self._statement.compile(
            dialect=dialect(paramstyle="named"), column_keys=self._columns or None
        )

    @cached_property
    def _sql(self) -> str:
        return str(self._compiled)

    @cached_property
    def _bound(self) -> dict[str, object]:
        """What the statement binds by itself; one that nobody gives is an error of the driver's."""
        given = {name for name, bind in self._compiled.binds.items() if bind.required}
        return {name: value for name, value in self._compiled.params.items() if name not in given}


def _driver(conn: sa.Connection) -> Any:
    return conn.connection.driver_connection
