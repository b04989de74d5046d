"""What holds for a whole run of the tests. Owns no fixture.

Thousands of items are made while they are collected and stay to the end: the garbage collector is
spared them, as each full collection would walk through them.
"""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples on every machine, however slow it is: hypothesis has 200 ms for one otherwise.
# `--hypothesis-profile=default` looks for new ones.
settings.load_profile("ci")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage until all tests are known; what tests make afterwards is seen as ever."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
