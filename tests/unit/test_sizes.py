"""How much a number of bytes is."""

import pytest
from rich.filesize import decimal

from daemon.core.sizes import tell_size


@pytest.mark.parametrize(
    "size", [0, 999, 1000, 52_428_800, 999_999_999, 76_400_000_000, 2 * 10**15]
)
def test_all_who_tell_of_a_disk_tell_the_same(size: int) -> None:
    """`released status` shows its figures by rich, in the same unit and rounding."""
    if size < 10**15:
        assert decimal(size) == tell_size(size)
    else:
        assert "2,000.0 TB" == tell_size(size)
