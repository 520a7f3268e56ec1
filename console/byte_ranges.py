"""Parts of a file that a browser asks for: RFC 9110, section 14. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ONE: Final = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII)
_MOST_DIGITS: Final = 18


class Span(NamedTuple):
    """Bytes ``start`` to ``end``, the last one not among them."""

    start: int
    end: int


class UnsatisfiableError(ValueError):
    """The file has no byte of those that are asked for."""


def span_of(header: str | None, size: int) -> Span | None:
    """The part that a ``Range`` asks for.

    Args:
        header: Its value, if there is one.
        size: Of the file, bytes.

    Returns:
        None for all of the file: what cannot be understood, or asks for several parts at once,
        may be passed over, and browsers ask for one.

    Raises:
        UnsatisfiableError: The file ends before.
    """
    match = _ONE.fullmatch(header or "")
    if match is None:
        return None
    first, last = match.groups()
    if (not first and not last) or max(len(first), len(last)) > _MOST_DIGITS:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise UnsatisfiableError
    return Span(start, end)


def wanted(header: str | None, if_range: str | None, etag: str) -> str | None:
    """The ``Range`` that counts: none when ``If-Range`` names another state of the file."""
    return header if if_range is None or if_range.strip() == etag else None


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the browser has this very state of the file."""
    tags = (tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(","))
    return any(tag in (etag, "*") for tag in tags)
