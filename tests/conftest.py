"""Spares the garbage collector what collecting the tests makes. Owns no fixture.

Thousands of items are made then and stay to the end: each full collection would walk through them.
"""

import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage until all tests are known; what tests make afterwards is seen as ever."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
