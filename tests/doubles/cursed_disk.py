"""A database's disk that a test may spoil while its daemon works."""

from typing import Any

import sqlalchemy as sa


class Disk:
    """Lets every transaction meet a pragma first: a database that cannot grow, or be written.

    Made while no daemon works: a thread that is at the engine's listeners must not find one more.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._pragma: str | None = None
        # The writer keeps its connection, and takes a new one after a failure.
        sa.event.listen(
            engine, "begin", lambda conn: self._apply(conn.connection.driver_connection)
        )
        sa.event.listen(engine, "checkout", self._apply)

    def curse(self, pragma: str) -> None:
        """Begin every transaction from now on with this."""
        self._pragma = pragma

    def _apply(self, driver: Any, *_record: object) -> None:
        if self._pragma is not None:
            driver.execute(self._pragma)
