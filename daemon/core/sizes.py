"""Says how much a number of bytes is, in one unit and one rounding for whoever tells it. Pure."""

_UNITS = ("kB", "MB", "GB", "TB")
_STEP = 1000


def tell_size(size_bytes: int) -> str:
    """Say it in units of a thousand, with one decimal."""
    if size_bytes < _STEP:
        return f"{size_bytes} bytes"
    size, unit = float(size_bytes), ""
    for unit in _UNITS:  # noqa: B007 - the one at which it ends is told
        size /= _STEP
        if size < _STEP:
            break
    return f"{size:,.1f} {unit}"
