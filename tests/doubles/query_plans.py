"""How SQLite would look for the rows of what a function runs."""

from collections.abc import Callable
from typing import Any

from daemon.core.store.engine import Connection


def explain(conn: Connection, run: Callable[[], object]) -> list[str]:
    """Run something and give the plan of each of its statements, line by line."""
    seen: list[str] = []
    driver: Any = conn.connection.driver_connection
    driver.set_trace_callback(seen.append)
    run()
    driver.set_trace_callback(None)
    return [
        row[3] for statement in seen for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
