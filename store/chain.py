"""The chain of the audit: what a line is, and what is wrong with a row of them. Pure.

``hash = SHA-256(previous || record)``: whoever changes a line must change all lines after it and
the end that was written down. Against that stand the signed daily roots of ``store.roots``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from ioc.manifest import canonical

ZERO: Final = bytes(32)
"""What the first line is chained to."""

MOST_FAULTS: Final = 1000
"""Told in words; further ones are counted."""

_KEYS: Final = frozenset({"seq", "at", "actor", "action", "subject", "detail"})


class Line(NamedTuple):
    """A line of the audit, as it is stored.

    Attributes:
        record: JSON with all that the other columns say, and ``detail``; what ``hash`` covers.
        previous: Hash of the line before.
        hash: SHA-256 of ``previous`` and ``record`` (UTF-8).
    """

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    record: str
    previous: bytes
    hash: bytes

    @property
    def detail(self) -> dict[str, Any]:
        """What belongs to this kind of action; nothing when the record was made unreadable."""
        try:
            told = json.loads(self.record)["detail"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain."""

    seq: int
    hash: bytes


START: Final = Head(0, ZERO)
"""The end of an empty chain."""


def link(previous: bytes, record: str) -> bytes:
    """The hash of a line."""
    return sha256(previous + record.encode()).digest()


def fault_of(line: Line) -> str | None:
    """What is wrong with a line by itself; None for nothing."""
    if link(line.previous, line.record) != line.hash:
        return f"line {line.seq}: changed: its hash does not fit"
    try:
        told = json.loads(line.record)
    except (ValueError, RecursionError):
        return f"line {line.seq}: changed: its record is no JSON"
    if not isinstance(told, dict) or told.keys() != _KEYS or not isinstance(told["detail"], dict):
        return f"line {line.seq}: changed: its record is none"
    shown = {
        "seq": line.seq,
        "at": text_of(line.at),
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
    }
    for name, value in shown.items():
        if told[name] != value:
            return f"line {line.seq}: changed: {name} is {value!r}, {told[name]!r} was recorded"
    return None


def text_of(at: datetime) -> str:
    """An instant as records spell it: UTC, microseconds, ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def spelt(line: Line) -> bytes:
    """A line as downloads and exports spell it: canonical JSON."""
    return canonical(
        {
            "seq": line.seq,
            "at": text_of(line.at),
            "actor": line.actor,
            "action": line.action,
            "subject": line.subject,
            "record": line.record,
            "previous": line.previous.hex(),
            "hash": line.hash.hex(),
        }
    )


class Chain:
    """Follows the chain line by line; says what is wrong.

    Attributes:
        seq: Number of the newest line.
        hash: Its hash.
        lines: How many were followed.
        faults: What is wrong, in words: the first ``MOST_FAULTS``.
        more: How many more there are.
        seen: Hashes of the lines that were to be remembered.
    """

    def __init__(self, start: Head = START, remember: Iterable[int] = ()) -> None:
        """Begin after a line that is known.

        Args:
            start: That line.
            remember: Numbers of lines whose hashes are asked for afterwards.
        """
        self.seq = start.seq
        self.hash = start.hash
        self.lines = 0
        self.faults: list[str] = []
        self.more = 0
        self._remember = frozenset(remember)
        self.seen: dict[int, bytes] = {start.seq: start.hash}

    def follow(self, line: Line) -> None:
        """Take the next line."""
        if line.seq <= self.seq:
            self.note(f"line {line.seq}: does not belong to the chain")
            return
        if line.seq != self.seq + 1:
            self.note(f"{_lines(self.seq + 1, line.seq - 1)}: missing before line {line.seq}")
        elif line.previous != self.hash:
            self.note(f"line {line.seq}: does not follow the line before it")
        fault = fault_of(line)
        if fault is not None:
            self.note(fault)
        self.seq, self.hash = line.seq, line.hash
        self.lines += 1
        if line.seq in self._remember:
            self.seen[line.seq] = line.hash

    def close(self, end: Head) -> None:
        """Compare with the end of the chain as it was written down."""
        if (self.seq, self.hash) == (end.seq, end.hash):
            return
        if self.seq < end.seq:
            self.note(f"{_lines(self.seq + 1, end.seq)}: missing at the end")
        elif self.lines == 0:
            self.note(f"{_lines(end.seq + 1, self.seq)}: gone since the last check")
        elif self.seq > end.seq:
            self.note(f"line {self.seq}: is there, but line {end.seq} was written down as the end")
        else:
            self.note(f"line {self.seq}: is not the end that was written down")

    def note(self, fault: str) -> None:
        """Write down what is wrong."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)
        else:
            self.more += 1


def follow(rows: Iterable[Line], end: Head) -> list[str]:
    """All that is wrong with a whole chain."""
    chain = Chain()
    for line in rows:
        chain.follow(line)
    chain.close(end)
    return chain.faults


def _lines(first: int, last: int) -> str:
    return f"line {first}" if first >= last else f"lines {first}-{last}"
