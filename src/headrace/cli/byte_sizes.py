"""Sizes of files as a person reads them."""

from __future__ import annotations


def byte_size(count: float) -> str:
    """A number of bytes, with one decimal.

    >>> byte_size(12), byte_size(12_345), byte_size(3_200_000_000)
    ('12 bytes', '12.3 KB', '3.2 GB')
    """
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
