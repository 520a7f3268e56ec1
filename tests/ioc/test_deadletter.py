from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import deadletter
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason
from ioc.topics import device_path
from tests.strategies import NOW, poison

BOOT, OTHER = (UUID(f"01a200df-d9c0-7ae9-b8b2-b8f66a14b78{end}") for end in "cd")
HUGE = "9" * 5000
PATH = device_path("vithanh", "nga-tu", "cam-1")


def set_aside(
    raw: bytes = b"{",
    properties: dict[str, str] | None = None,
    *,
    topic: str = PATH.topic("metric/flow"),
    detail: str = "truncated",
) -> DeadLetter:
    return deadletter.set_aside(
        raw,
        ContractError(Reason.BAD_JSON, "$", detail),
        stage="ingest",
        topic=topic,
        device=PATH.key,
        received=NOW,
        properties=properties,
    )


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("raw", "properties", "bootid", "sequence"),
    [
        (b"\xff", {"bootid": str(BOOT), "sequence": "7"}, True, 7),
        (body(bootid=str(OTHER), sequence=9), {"bootid": str(BOOT), "sequence": "7"}, True, 7),
        (body(bootid=str(BOOT), sequence=9), {}, True, 9),
        (body(bootid=str(BOOT), sequence=9, other=[1]), None, True, 9),
        (body(bootid=str(BOOT), sequence=9), {"bootid": "garbage", "sequence": "7"}, True, 9),
        (body(bootid=str(BOOT), sequence=9), {"bootid": str(BOOT), "sequence": "-7"}, True, 9),
        (body(bootid=str(BOOT), sequence=9), {"bootid": str(BOOT), "sequence": HUGE}, True, 9),
        (body(bootid=str(BOOT), sequence=9), {"bootid": str(BOOT)}, True, 9),
        (body(bootid=str(BOOT)), {}, True, None),
        (body(bootid=str(BOOT), sequence=-1), {}, True, None),
        (body(bootid=str(BOOT), sequence=2**53), {}, True, None),
        (body(bootid="garbage", sequence=9), {}, False, None),
        (body(sequence="nine"), {}, False, None),
        (b"[" * 60_000, {}, False, None),
        (b'{"x":' + b"[" * 60_000, {}, False, None),
        (b"\xff\xfe", {"colour": "blue"}, False, None),
        (b"", {}, False, None),
    ],
)  # fmt: skip
def test_the_numbers_come_from_the_properties_else_from_the_body(
    raw: bytes, properties: dict[str, str] | None, bootid: bool, sequence: int | None
) -> None:
    letter = set_aside(raw, properties)
    assert letter.bootid == (BOOT if bootid else None)
    assert letter.sequence == sequence


@given(
    st.binary(max_size=200),
    st.dictionaries(st.text(max_size=9) | st.sampled_from(["bootid", "sequence"]), st.text()),
    st.text(),
    st.text(),
)
def test_anything_can_be_set_aside_and_travels_unchanged(
    raw: bytes, properties: dict[str, str], topic: str, detail: str
) -> None:
    letter = set_aside(raw, properties, topic=topic, detail=detail)
    assert letter.raw == raw
    assert deadletter.decode(deadletter.encode(letter)) == letter


@given(poison())
def test_poison_can_be_set_aside(case: tuple[str, bytes, set[Reason]]) -> None:
    topic, raw, _reasons = case
    letter = set_aside(raw, {}, topic=topic)
    assert letter.raw == raw[: deadletter.RAW_LIMIT]
    assert deadletter.decode(deadletter.encode(letter)) == letter


def test_nothing_in_it_breaks_the_database_or_the_encoder() -> None:
    """A detail that quotes a NUL would make the record of a bad message a bad message."""
    letter = set_aside(
        b"\0", {"a\0": "b\0", "c": "\ud800"}, topic="t\0", detail="Invalid enum value '\0'"
    )
    texts = [letter.topic, letter.detail, *letter.properties, *letter.properties.values()]
    assert not any("\0" in text for text in texts)
    assert letter.raw == b"\0"
    deadletter.encode(letter)


def test_it_is_bounded_whatever_comes() -> None:
    huge = {f"{i}-{'k' * 1000}": "v" * 60_000 for i in range(1000)}
    letter = set_aside(b"x" * 1_000_000, huge, topic="t" * 60_000, detail="d" * 60_000)
    assert len(letter.raw) == deadletter.RAW_LIMIT
    assert letter.raw_bytes == 1_000_000
    assert len(deadletter.encode(letter)) < 400_000


def test_the_numbers_are_found_behind_many_properties() -> None:
    many = {f"x{i}": "y" for i in range(100)} | {"bootid": str(BOOT), "sequence": "7"}
    assert set_aside(b"\xff", many).sequence == 7


def test_it_knows_its_device() -> None:
    assert set_aside().path == PATH
    nameless = deadletter.set_aside(
        b"",
        ContractError(Reason.BAD_TOPIC, "$", "x"),
        stage="ingest",
        topic="a/b",
        device="",
        received=NOW,
    )
    assert nameless.path is None


def test_a_numbered_message_that_comes_again_is_the_same_dead_letter() -> None:
    number = {"bootid": str(BOOT), "sequence": "7"}
    assert set_aside(properties=number).id == set_aside(properties=number).id
    assert set_aside(properties=number).id != set_aside(b"[", number).id
    assert set_aside(properties=number).id != set_aside(properties={**number, "sequence": "8"}).id
    # Without a number nobody can tell one message delivered twice from two that are alike.
    assert set_aside().id != set_aside().id
