"""The catalogue of faults that a message can have: its text, its outer fields, its time, its topic.

A fault says how to put itself into a valid message and which reason it must be set aside for.
Faults of the payload stand in ``simulator.devices.payload_faults``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ioc.decode import Reason
from ioc.events import MAX_EVENT_BYTES
from ioc.topics import TAILS, DevicePath

Document = dict[str, Any]
NUMBERED: Final = tuple(tail for tail in TAILS if tail != "status")
ALL: Final = tuple(TAILS)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break a message: exactly one of its three functions does something.

    Attributes:
        label: What is wrong.
        reasons: A broken message must be set aside for one of these.
        tails: Which messages it can be put into.
        edit: Changes the JSON document in place.
        garble: Changes the bytes.
        topic: Gives the topic that the message is sent on.
    """

    label: str
    reasons: frozenset[Reason]
    tails: tuple[str, ...] = ALL
    edit: Callable[[Document], None] = field(default=lambda document: None)
    garble: Callable[[bytes], bytes] = field(default=lambda raw: raw)
    topic: Callable[[DevicePath, str], str] = field(default=lambda path, tail: path.topic(tail))


def rfc3339(at: datetime) -> str:
    """An instant as events carry it: UTC with milliseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def put(*keys: str | int, value: Any) -> Callable[[Document], None]:
    """An edit that sets one field, given by its path."""

    def edit(document: Document) -> None:
        target: Any = document
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value

    return edit


def drop(*keys: str) -> Callable[[Document], None]:
    """An edit that removes one field, given by its path."""

    def edit(document: Document) -> None:
        target: Any = document
        for key in keys[:-1]:
            target = target[key]
        del target[keys[-1]]

    return edit


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A garbling that replaces the first occurrence of some bytes, which must be there."""

    def garble(raw: bytes) -> bytes:
        assert old in raw, (old, raw)
        return raw.replace(old, new, 1)

    return garble


def nested(depth: int) -> Callable[[bytes], bytes]:
    """A garbling that adds a field of so many arrays in each other."""
    return lambda raw: raw[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"


def text_faults() -> Iterator[Fault]:
    """Bytes that are no message at all."""

    def fault(label: str, reason: Reason, garble: Callable[[bytes], bytes], *tails: str) -> Fault:
        return Fault(label, frozenset({reason}), tails or ALL, garble=garble)

    over = MAX_EVENT_BYTES + 1
    reading = "metric/reading"
    yield fault("oversize by one byte", Reason.OVERSIZE, lambda raw: raw.ljust(over))
    yield fault("oversize text", Reason.OVERSIZE, lambda raw: raw[:-1] + b" " * 200_000 + b"}")
    yield fault("oversize binary", Reason.OVERSIZE, lambda raw: bytes(range(256)) * 300)
    yield fault("empty message", Reason.BAD_JSON, lambda raw: b"")
    yield fault("only white space", Reason.BAD_JSON, lambda raw: b" \r\n\t ")
    yield fault("truncated by one byte", Reason.BAD_JSON, lambda raw: raw[:-1])
    yield fault("truncated in the middle", Reason.BAD_JSON, lambda raw: raw[: len(raw) // 2])
    yield fault("byte order mark", Reason.BAD_JSON, lambda raw: b"\xef\xbb\xbf" + raw)
    yield fault(
        "UTF-16 without mark", Reason.BAD_JSON, lambda raw: raw.decode().encode("utf-16-le")
    )
    yield fault("UTF-16 with mark", Reason.BAD_UTF8, lambda raw: raw.decode().encode("utf-16"))
    yield fault("not JSON", Reason.BAD_JSON, lambda raw: b"temperature=31.5;unit=C")
    yield fault("XML", Reason.BAD_JSON, lambda raw: b"<event><type>flow</type></event>")
    yield fault("single quotes", Reason.BAD_JSON, lambda raw: raw.replace(b'"', b"'"))
    yield fault("trailing comma", Reason.BAD_JSON, lambda raw: raw[:-1] + b",}")
    yield fault("comment", Reason.BAD_JSON, lambda raw: b"/* hello */" + raw)
    yield fault("two documents", Reason.BAD_JSON, lambda raw: raw + raw)
    yield fault("trailing NUL", Reason.BAD_JSON, lambda raw: raw + b"\0")
    yield fault("raw line break in a string", Reason.BAD_JSON, swap(b'"1.0"', b'"1\n.0"'))
    yield fault("lone surrogate", Reason.BAD_JSON, swap(b'"1.0"', b'"\\ud800"'))
    yield fault("bad escape", Reason.BAD_JSON, swap(b'"1.0"', b'"\\x41"'))
    yield fault("bad UTF-8 byte", Reason.BAD_UTF8, swap(b'"1.0"', b'"1.\xff0"'))
    yield fault("overlong UTF-8", Reason.BAD_UTF8, swap(b'"1.0"', b'"\xc0\xaf"'))
    yield fault("surrogate in UTF-8", Reason.BAD_UTF8, swap(b'"1.0"', b'"\xed\xa0\x80"'))
    yield fault(
        "gzip", Reason.BAD_UTF8, lambda raw: b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + raw
    )
    yield fault("JPEG", Reason.BAD_UTF8, lambda raw: b"\xff\xd8\xff\xe0\x00\x10JFIF" + raw)
    yield fault("nested arrays", Reason.SCHEMA, nested(20_000))
    yield fault("nested arrays, open", Reason.SCHEMA, lambda raw: b"[" * 60_000)
    yield fault(
        "nested objects",
        Reason.SCHEMA,
        swap(b"1.25", b'{"a":' * 9_000 + b"1" + b"}" * 9_000),
        reading,
    )
    yield fault(
        "nested under an unknown type",
        Reason.UNKNOWN_TYPE,
        lambda raw: nested(20_000)(raw.replace(b"vn.ioc.", b"org.ioc.")),
    )
    yield fault("duplicate key", Reason.BAD_JSON, lambda raw: raw[:-1] + b', "specversion": "1.0"}')
    yield fault(
        "duplicate data", Reason.BAD_JSON, lambda raw: raw[:-1] + raw[raw.index(b', "data"') :]
    )
    yield fault(
        "duplicate key in data", Reason.BAD_JSON, swap(b"1.25", b'1.25, "value": 9.75'), reading
    )
    yield fault("array", Reason.SCHEMA, lambda raw: b"[" + raw + b"]")
    yield fault("null", Reason.SCHEMA, lambda raw: b"null")
    yield fault("bare number", Reason.SCHEMA, lambda raw: b"31.5")
    yield fault("JSON in a string", Reason.SCHEMA, lambda raw: json.dumps(raw.decode()).encode())


def envelope_faults() -> Iterator[Fault]:
    """Documents whose outer fields are wrong."""

    def fault(label: str, reason: Reason, edit: Callable[[Document], None], *tails: str) -> Fault:
        return Fault(label, frozenset({reason}), tails or ALL, edit=edit)

    yield fault("unknown type", Reason.UNKNOWN_TYPE, put("type", value="vn.ioc.weather.v1"))
    yield fault("foreign type", Reason.UNKNOWN_TYPE, put("type", value="com.example.flow"))
    yield fault("type is a number", Reason.UNKNOWN_TYPE, put("type", value=7))
    yield fault("no type", Reason.UNKNOWN_TYPE, drop("type"))
    for tail, name in TAILS.items():
        newer = name.replace(".v1", ".v2")
        yield fault(f"type {newer}", Reason.UNKNOWN_VERSION, put("type", value=newer), tail)
    yield fault("specversion 0.3", Reason.UNKNOWN_VERSION, put("specversion", value="0.3"))
    yield fault("specversion 1.0, a number", Reason.UNKNOWN_VERSION, put("specversion", value=1.0))
    for key in ("specversion", "id", "source", "time", "bootid", "data"):
        yield fault(f"no {key}", Reason.SCHEMA, drop(key))
        yield fault(f"{key} is null", _null_reason(key), put(key, value=None))
    yield fault("no sequence", Reason.SCHEMA, drop("sequence"), *NUMBERED)
    yield fault("extra field", Reason.SCHEMA, put("colour", value="blue"))
    yield fault("empty key", Reason.SCHEMA, put("", value=1))
    yield fault("key in capitals", Reason.SCHEMA, put("Sequence", value=1))
    yield fault("sequence on a status", Reason.SCHEMA, put("sequence", value=3), "status")
    wrong_sequences: dict[str, Any] = {
        "negative": -1,
        "a string": "12",
        "a float": 1.5,
        "true": True,
        "2^53": 2**53,
        "2^64": 2**64,
        "400 digits": 10**399,
        "a list": [1],
    }
    for label, value in wrong_sequences.items():
        edit = put("sequence", value=value)
        yield fault(f"sequence is {label}", Reason.SCHEMA, edit, *NUMBERED)
    yield fault("id is no UUID", Reason.SCHEMA, put("id", value="event-1"))
    yield fault(
        "id is a UUIDv4", Reason.SCHEMA, put("id", value="8c1d1c5c-4a8e-4b6c-9d7e-1f2a3b4c5d6e")
    )
    yield fault("bootid is no UUID", Reason.SCHEMA, put("bootid", value="boot 1"))
    yield fault("source is too long", Reason.SCHEMA, put("source", value="/a" * 150))
    yield fault("data is a string", Reason.SCHEMA, put("data", value="31.5"))
    yield fault("data is empty", Reason.SCHEMA, put("data", value={}))
    yield fault("replayed is a word", Reason.SCHEMA, put("replayed", value="yes"), *NUMBERED)
    yield fault("source of another device", Reason.IDENTITY, put("source", value="/else/where/x"))
    yield fault(
        "source in capitals", Reason.IDENTITY, lambda d: d.update(source=d["source"].upper())
    )
    yield fault(
        "source without a slash", Reason.IDENTITY, lambda d: d.update(source=d["source"][1:])
    )


def _null_reason(key: str) -> Reason:
    return Reason.UNKNOWN_VERSION if key == "specversion" else Reason.SCHEMA


def time_faults(now: datetime) -> Iterator[Fault]:
    """Times that are no time, and times that can not be true."""

    def fault(label: str, reason: Reason, value: Any) -> Fault:
        return Fault(label, frozenset({reason}), NUMBERED, edit=put("time", value=value))

    yield fault("time is a number", Reason.SCHEMA, 1_780_000_000)
    yield fault("time is a word", Reason.SCHEMA, "yesterday")
    yield fault("time without zone", Reason.SCHEMA, rfc3339(now)[:-1])
    yield fault("time at +07:00", Reason.SCHEMA, rfc3339(now + timedelta(hours=7))[:-1] + "+07:00")
    yield fault("30 February", Reason.SCHEMA, "2026-02-30T08:00:00Z")
    yield fault("hour 24", Reason.SCHEMA, "2026-11-22T24:00:00Z")
    yield fault("time in 1970", Reason.TIME_WINDOW, "1970-01-01T00:00:00Z")
    yield fault("time in 1999", Reason.TIME_WINDOW, "1999-12-31T23:59:59.999Z")
    yield fault("time a year ago", Reason.TIME_WINDOW, rfc3339(now - timedelta(days=365)))
    yield fault("time in an hour", Reason.TIME_WINDOW, rfc3339(now + timedelta(hours=1)))
    yield fault("time next year", Reason.TIME_WINDOW, rfc3339(now + timedelta(days=365)))
    yield fault("time in 9999", Reason.TIME_WINDOW, "9999-12-31T23:59:59.999Z")


def topic_faults() -> Iterator[Fault]:
    """Topics that a subscription matches and yet name no device, or another one."""

    def bad(label: str, change: Callable[[DevicePath], DevicePath]) -> Fault:
        return Fault(
            label,
            frozenset({Reason.BAD_TOPIC}),
            topic=lambda path, tail: change(path).topic(tail),
        )

    yield bad("topic: city in capitals", lambda p: p._replace(city=p.city.upper()))
    yield bad("topic: city with diacritics", lambda p: p._replace(city="vị-thanh"))
    yield bad("topic: empty city", lambda p: p._replace(city=""))
    yield bad("topic: empty site", lambda p: p._replace(site=""))
    yield bad("topic: empty device", lambda p: p._replace(device=""))
    yield bad("topic: space in the site", lambda p: p._replace(site="nga tu"))
    yield bad("topic: dot in the device", lambda p: p._replace(device="cam.1"))
    yield bad("topic: site begins with '-'", lambda p: p._replace(site="-" + p.site))
    yield bad("topic: device ends with '_'", lambda p: p._replace(device=p.device + "_"))
    yield bad("topic: device of 64 characters", lambda p: p._replace(device="d" * 64))
    yield bad("topic: device of 4000 characters", lambda p: p._replace(device="d" * 4000))
    yield bad("topic: parent folder", lambda p: p._replace(device=".."))
    yield bad("topic: SQL", lambda p: p._replace(device="x';drop table flow;--"))
    yield Fault(
        "topic of another device",
        frozenset({Reason.IDENTITY}),
        topic=lambda path, tail: path._replace(device="someone-else").topic(tail),
    )
    yield Fault(
        "topic of another city",
        frozenset({Reason.IDENTITY}),
        topic=lambda path, tail: path._replace(city="elsewhere").topic(tail),
    )
    for tail in TAILS:
        other = next(t for t in reversed(ALL) if t != tail)
        yield Fault(
            f"{tail} sent to {other}",
            frozenset({Reason.IDENTITY}),
            (tail,),
            topic=lambda path, _tail, other=other: path.topic(other),  # type: ignore[misc]
        )
