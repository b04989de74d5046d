"""The whole described API under schemathesis: no surprise leaves the server."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.doubles.admin import open_admin
from tests.doubles.command_line import clean_environment

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""All that hold of any API. Left out: that whatever fits a schema is accepted. A schema cannot say
which time zones exist, or that a question stands once."""

BUDGET_S = 300.0
"""What it may take on a busy machine; it takes a tenth."""


@pytest.mark.timeout(BUDGET_S + 20)
async def test_no_answer_is_outside_the_description(tmp_path: Path) -> None:
    """No 5xx, no undescribed status, type, header or shape, and what breaks a schema is refused."""
    house = tmp_path / "house"
    house.mkdir()
    async with open_admin(house) as admin:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "schemathesis.cli", "run", f"{admin.house.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {admin.token}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "1", "--seed", "1", "--generation-database", "none"),
            *("--continue-on-failure", "--no-color", "--warnings", "off"),
            *("--report", "json", "--report-json-path", "report.json"),
            cwd=tmp_path,
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(BUDGET_S):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        count = sum(len(methods) for methods in admin.description["paths"].values())
    assert 0 == process.returncode, out.decode()
    report = json.loads((tmp_path / "report.json").read_text())
    # All but the description's own address.
    assert count - 1 == report["operations"]["tested"]
    assert report["test_cases"]["generated"] > 20 * count
