"""Rows in the binary form of COPY, many at a time from arrays. Pure.

A row of binary COPY is a fixed pattern of bytes where the texts of a column have one length, so a
block of rows is one structured array: two million rows a second, where a row at a time through
psycopg takes 6 µs. Whoever calls sees to it that texts of one block are of one length, and that a
column is null in all rows of a block or in none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Value = Array | str | float | bool | tuple[()] | None

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"

_EPOCH_US: Final = 946_684_800_000_000
"""PostgreSQL counts from 2000."""
_NUMBERS: Final = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float8": ">f8", "bool": "u1"}
_NO_UUIDS: Final = np.void(bytes(8) + (2950).to_bytes(4, "big"))
"""An array without dimensions and nulls, of type 2950 (uuid)."""


def pack(columns: Sequence[tuple[str, str]], values: Mapping[str, Value], rows: int) -> bytes:
    """Some rows, without header and trailer.

    Args:
        columns: Name and PostgreSQL type of each, in the order of the COPY.
        values: For each column an array with an item a row, or one value for all: a text, a
            number, None; a column that is left out is null. Times are milliseconds since 1970,
            uuids pairs of 64 bits, and ``uuid[]`` is only ever empty: ``()``.
        rows: How many.
    """
    parts: list[tuple[Any, ...]] = [("fields", ">i2")]
    filled: dict[str, Any] = {"fields": len(columns)}
    for name, kind in columns:
        value = values.get(name)
        parts.append((f"{name} bytes", ">i4"))
        if value is None:
            filled[f"{name} bytes"] = -1
            continue
        form, content = _encoded(kind, value)
        parts.append((name, *form))
        filled[name] = content
        item = np.dtype([("item", *form)])
        filled[f"{name} bytes"] = item.itemsize
    block = np.empty(rows, dtype=parts)
    for name, content in filled.items():
        block[name] = content
    return block.tobytes()


def _encoded(kind: str, value: Value) -> tuple[tuple[Any, ...], Any]:
    """The form of an item for numpy, and the content."""
    if kind == "timestamptz":
        return (">i8",), np.asarray(value, dtype=np.int64) * 1000 - _EPOCH_US
    if kind == "uuid":
        return (">u8", (2,)), value
    if kind == "uuid[]":
        return ("V12",), _NO_UUIDS
    if kind == "text":
        text = value if isinstance(value, np.ndarray) else np.bytes_(str(value).encode())
        return (text.dtype.str,), text
    return (_NUMBERS[kind],), value


def uuids(at_ms: Array, noise: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Version 7 ids of some instants, from two words of noise each.

    Args:
        at_ms: Milliseconds since 1970.
        noise: As many rows, two columns.
    """
    made = np.empty((len(at_ms), 2), dtype=np.uint64)
    stamp = at_ms.astype(np.uint64) << np.uint64(16)
    made[:, 0] = stamp | np.uint64(0x7000) | (noise[:, 0] & np.uint64(0xFFF))
    made[:, 1] = np.uint64(1 << 63) | (noise[:, 1] & np.uint64((1 << 62) - 1))
    return made


def words(number: int) -> tuple[int, int]:
    """The two halves of an id."""
    return number >> 64, number & ((1 << 64) - 1)
