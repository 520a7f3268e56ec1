"""Identifiers: UUIDv7 for events and boots, minted once and never changed.

The time in a UUIDv7 makes ids sort by age, which keeps a B-tree index on them dense
(new rows go to the right-hand edge), unlike random UUIDv4.
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62
_RANDOM_A = (1 << 12) - 1
_RANDOM_B = (1 << 62) - 1


def uuid7(at: datetime) -> UUID:
    """A fresh UUIDv7 for an instant.

    Args:
        at: The instant, timezone-aware; its millisecond goes into the id.

    Returns:
        48 bits of Unix milliseconds and 74 random bits (RFC 9562, section 5.7).
    """
    return _assemble(at, int.from_bytes(os.urandom(10), "big"))


def derived_uuid7(at: datetime, *parts: str) -> UUID:
    """The UUIDv7 that the same instant and parts always give.

    For events of foreign devices, which carry no id of ours: when the network delivers the
    same message twice, both copies get the same id and the database keeps one.

    Args:
        at: The instant of the event.
        parts: What makes the event unique, for example the device and its own message id.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return _assemble(at, int.from_bytes(digest[:10], "big"))


def content_uuid8(*parts: bytes) -> UUID:
    """The UUIDv8 that the same content always gives (RFC 9562, section 5.8): its SHA-256."""
    digest = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts))
    number = int.from_bytes(digest.digest()[:16], "big")
    number &= ~(0xF << 76 | 0x3 << 62)
    return UUID(int=number | 0x8 << 76 | _VARIANT)


def unix_ms(at: datetime) -> int:
    """Whole milliseconds since 1970, rounded to the nearest."""
    return round(at.timestamp() * 1000)


def _assemble(at: datetime, entropy: int) -> UUID:
    milliseconds = unix_ms(at) & ((1 << 48) - 1)
    random_a = (entropy >> 62) & _RANDOM_A
    random_b = entropy & _RANDOM_B
    return UUID(int=(milliseconds << 80) | _VERSION_7 | (random_a << 64) | _VARIANT | random_b)
