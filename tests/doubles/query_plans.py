"""How SQLite would look for the rows of what a function runs."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from daemon.core.store.engine import Connection


def explain(conn: Connection, run: Callable[[], object]) -> list[str]:
    """Run something and give the plan of each of its statements, line by line."""
    seen: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2:4])

    event.listen(conn, "before_cursor_execute", note)
    run()
    event.remove(conn, "before_cursor_execute", note)
    return [
        row[3]
        for statement, parameters in seen
        for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]
