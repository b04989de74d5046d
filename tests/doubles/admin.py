"""A caller of the admin API who holds every answer against the API's own description."""

import io
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
from yarl import URL

from daemon.api.limiting import LIMITER, Rates
from daemon.core import tokens
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Connection
from daemon.core.store.tokens import Scope
from tests.doubles.inhouse import House, open_inhouse
from tests.doubles.stage import Answer

UNHURRIED = Rates(per_token=10_000, per_address=10_000, window_s=1)
"""More than any test calls that is not about it."""

JSON = {"Content-Type": "application/json"}
FAQS = [{"q": "¿Wifi?", "a": "Sí."}, {"q": "¿Horario?", "a": "De 9 a 22."}]
NEW = {
    "name": "Café Norte",
    "phone_number": "+34 600-100-200",
    "phone_number_id": "700800900",
    "faqs": FAQS,
}


@dataclass(slots=True)
class Admin:
    """`description` is /openapi.json; `token` is valid."""

    house: House
    token: str
    description: dict[str, Any]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Answer:
        """Call with a token; a `body` of bytes goes out as it is, any other as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {token or self.token}"} | (
            JSON if body is not None else {}
        )
        # Encoded by the test itself: what a client library would tidy up is what is asked about.
        url = URL(self.house.url + path, encoded=True)
        async with self.house.http.request(
            method,
            url,
            data=io.BytesIO(raw) if raw is not None else None,
            headers=sent | (headers or {}),
        ) as got:
            answer = Answer(got.status, got.headers, await got.text())
        self.check(method, path, answer)
        return answer

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Hold an answer against the description: its status, type, headers and shape."""
        address = path.partition("?")[0]
        # HEAD is GET without its body, and described as that.
        asked = "GET" if method == "HEAD" and address != "/webhook" else method
        operation = self._find_operation(asked, address)
        if operation is None:
            assert answer.status in {404, 405}, answer
            assert_problem(answer)
            return
        described = operation["responses"].get(str(answer.status))
        assert described is not None, (method, path, answer)
        told = described.get("headers", {})
        assert {name for name in told if told[name]["required"]} <= answer.headers.keys()
        if "content" not in described or method == "HEAD":
            assert "" == answer.text
            return
        kind = answer.type.partition(";")[0]
        schema = described["content"][kind].get("schema")
        if schema is not None:
            whole = schema | {"components": self.description["components"]}
            jsonschema_rs.validate(whole, answer.read_json())

    def _find_operation(self, method: str, path: str) -> dict[str, Any] | None:
        paths: dict[str, dict[str, Any]] = self.description["paths"]
        for template in sorted(paths, key=lambda known: "{" in known):
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
                return paths[template].get(method.lower())
        return None

    async def make_token(
        self, name: str, *, days: float = 1, scope: Scope = "write", client: str | None = None
    ) -> str:
        """Make a token beside HTTP."""
        made = await self.house.runtime.store.write(
            partial(
                tokens.create_token,
                name=name,
                lifetime_days=days,
                now=time.time(),
                actor=Actor("test"),
                scope=scope,
                client=client,
            )
        )
        return made.token

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the database."""

        def job(conn: Connection) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in conn.exec_driver_sql(sql)]

        return await self.house.runtime.store.read(job)

    async def run(self, sql: str) -> None:
        """Put the database into a state that is laborious to reach."""
        await self.house.runtime.store.write(lambda conn: conn.exec_driver_sql(sql).close())


def assert_problem(answer: Answer) -> dict[str, Any]:
    """Hold an answer against RFC 9457 and return its body, empty for HEAD."""
    assert "application/problem+json" == answer.type.partition(";")[0]
    body: dict[str, Any] = json.loads(answer.text or "{}")
    assert not body or answer.status == body["status"]
    return body


def fields_of(answer: Answer) -> list[str]:
    """List the fields that a refusal names."""
    return [error["field"] for error in assert_problem(answer).get("errors", [])]


@asynccontextmanager
async def open_admin(
    folder: Path, *, rates: Rates = UNHURRIED, **settings: Any
) -> AsyncIterator[Admin]:
    """Open the house with a token to it."""
    async with open_inhouse(folder, metrics_open=False, **settings) as house:
        house.app[LIMITER].rates = rates
        description = (await house.call("GET", "/openapi.json")).read_json()
        admin = Admin(house, "", description)
        admin.token = await admin.make_token("operator")
        yield admin
