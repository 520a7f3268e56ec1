"""Whatever is done to the audit behind the console's back is found."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.identity import DeviceKey, Trust, TrustedKey
from store import roots
from store.chain import START, ZERO, Chain, Head, Line, fault_of, follow, link, text_of
from store.roots import Root, RootError, read_root

BEGIN = datetime(2026, 11, 20, 16, 55, tzinfo=UTC)  # 23:55 in Vietnam
MANY = 12


def chain_of(rows: list[dict[str, Any]]) -> list[Line]:
    """Lines as the database writes them."""
    lines: list[Line] = []
    previous = ZERO
    for number, row in enumerate(rows, 1):
        at = BEGIN + timedelta(minutes=number, microseconds=number)
        told = {"seq": number, "at": text_of(at), **row}
        record = json.dumps(told, ensure_ascii=False)
        digest = link(previous, record)
        lines.append(
            Line(number, at, row["actor"], row["action"], row["subject"], record, previous, digest)
        )
        previous = digest
    return lines


@cache
def whole() -> tuple[Line, ...]:
    return tuple(
        chain_of(
            [
                {
                    "actor": f"person:số{number % 3}",
                    "action": "case.viewed",
                    "subject": f"case:{number}",
                    "detail": {"why": "xem lại"},
                }
                for number in range(MANY)
            ]
        )
    )


@cache
def signer() -> DeviceKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return DeviceKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))


@cache
def trust() -> Trust:
    return Trust([TrustedKey(signer().public, None, Path("k"))])


def end_of(lines: list[Line] | tuple[Line, ...]) -> Head:
    return Head(lines[-1].seq, lines[-1].hash) if lines else START


def root_at(line: Line, day: date = date(2026, 11, 20)) -> Root:
    return roots.sign(signer(), day=day, seq=line.seq, hash=line.hash, signed=BEGIN)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flip_column(line: Line, column: str, draw: st.DrawFn) -> Line:
    """The line with one bit of a column flipped, as the database would hold it."""
    value = getattr(line, column)
    if isinstance(value, int):
        return line._replace(seq=value ^ 1 << draw(st.integers(0, 62)))
    if isinstance(value, datetime):
        micros = int((value - datetime(2000, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        changed = micros ^ 1 << draw(st.integers(0, 50))
        return line._replace(at=datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=changed))
    if isinstance(value, bytes):
        bit = draw(st.integers(0, len(value) * 8 - 1))
        changed_bytes: Any = {column: flipped(value, bit)}
        return line._replace(**changed_bytes)
    data = value.encode()
    while True:  # a text column holds nothing but text
        changed_text = flipped(data, draw(st.integers(0, len(data) * 8 - 1)))
        try:
            values: Any = {column: changed_text.decode()}
            return line._replace(**values)
        except UnicodeDecodeError:
            continue


def test_a_whole_chain_has_no_fault() -> None:
    assert follow(whole(), end_of(whole())) == []
    assert follow([], START) == []


@given(st.data())
def test_one_flipped_bit_in_any_column_of_any_line_is_found(data: st.DataObject) -> None:
    lines = list(whole())
    place = data.draw(st.integers(0, MANY - 1))
    column = data.draw(st.sampled_from(Line._fields))
    lines[place] = data.draw(st.composite(lambda draw: flip_column(lines[place], column, draw))())
    # The table gives its rows by number.
    assert follow(sorted(lines, key=lambda line: line.seq), end_of(whole()))


def test_every_single_bit_of_a_line_counts() -> None:
    line = whole()[4]
    for column in ("record", "previous", "hash"):
        value = getattr(line, column)
        data = value.encode() if isinstance(value, str) else value
        for bit in range(len(data) * 8):
            changed: Any = flipped(data, bit)
            if isinstance(value, str):
                try:
                    changed = changed.decode()
                except UnicodeDecodeError:
                    continue
            values: Any = {column: changed}
            lines = [*whole()[:4], line._replace(**values), *whole()[5:]]
            assert follow(lines, end_of(whole())), (column, bit)


@given(st.sets(st.integers(0, MANY - 1), min_size=1))
def test_deleted_lines_are_found_wherever_they_were(gone: set[int]) -> None:
    lines = [line for place, line in enumerate(whole()) if place not in gone]
    assert follow(lines, end_of(whole()))


@given(st.lists(st.integers(0, MANY - 1), min_size=2, max_size=2, unique=True), st.booleans())
def test_swapped_lines_are_found(places: list[int], renumbered: bool) -> None:
    lines = list(whole())
    one, two = places
    lines[one], lines[two] = lines[two], lines[one]
    if renumbered:
        lines = [line._replace(seq=number) for number, line in enumerate(lines, 1)]
    assert follow(lines, end_of(whole()))


@given(st.integers(0, MANY - 1), st.integers(0, MANY - 1))
def test_an_edited_line_whose_hash_was_made_to_fit_is_found(place: int, until: int) -> None:
    lines = rehashed(place, until)
    assert follow(lines, end_of(whole()))


@given(st.integers(0, MANY - 1))
def test_a_chain_written_anew_with_its_end_is_found_by_a_root(place: int) -> None:
    lines = rehashed(place, MANY - 1)
    assert follow(lines, end_of(lines)) == []  # this is what roots are for
    assert rooted(lines, [root_at(whole()[-1])])


@given(st.integers(0, MANY - 1), st.integers(0, MANY - 1))
def test_a_cut_tail_with_the_end_made_to_fit_is_found_by_a_root(left: int, signed: int) -> None:
    lines = list(whole()[:left])
    assert follow(lines, end_of(lines)) == []
    assert bool(rooted(lines, [root_at(whole()[signed])])) == (signed >= left)


def test_what_was_added_beside_the_chain_is_found() -> None:
    extra = whole()[0]._replace(seq=-3)
    assert follow([extra, *whole()], end_of(whole())) == ["line -3: does not belong to the chain"]
    beyond = chain_of([{**json.loads(whole()[0].record), "subject": "case:9"}] * (MANY + 1))[-1]
    assert follow([*whole(), beyond], end_of(whole()))


def test_a_check_that_goes_on_finds_what_happened_since() -> None:
    start = Head(5, whole()[4].hash)
    for lines, end, found in (
        (whole()[5:], end_of(whole()), False),
        (whole()[6:], end_of(whole()), True),
        ((), start, False),
        ((), Head(3, whole()[2].hash), True),
        ((), Head(5, whole()[2].hash), True),
    ):
        chain = Chain(start)
        for line in lines:
            chain.follow(line)
        chain.close(end)
        assert bool(chain.faults) == found


def test_faults_are_bounded_and_counted() -> None:
    chain = Chain()
    for _ in range(1500):
        chain.note("x")
    assert (len(chain.faults), chain.more) == (1000, 500)


def test_the_file_of_a_root_has_one_spelling() -> None:
    root = root_at(whole()[-1])
    data = root.file()
    assert read_root(data) == root
    assert roots.fault_of(root, trust()) is None
    for bit in range(len(data) * 8):
        try:
            read = read_root(flipped(data, bit))
        except RootError:
            continue
        assert roots.fault_of(read, trust()) is not None, bit


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_file_breaks_the_reader_of_roots(data: bytes) -> None:
    with pytest.raises(RootError):
        read_root(data)


def test_a_root_of_another_key_is_refused() -> None:
    root = root_at(whole()[-1])
    nobody = Trust([])
    assert "nobody vouches" in (roots.fault_of(root, nobody) or "")
    for change in (
        {"seq": root.seq - 1},
        {"hash": ZERO},
        {"day": root.day + timedelta(days=1)},
        {"signed": root.signed + timedelta(microseconds=1)},
        {"key": root.key.upper()},
        {"key": "none"},
    ):
        assert roots.fault_of(replace(root, **change), trust()) is not None, change


def test_each_finished_day_is_due_once() -> None:
    end = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # midnight in Vietnam
    two = [date(2026, 11, 20), date(2026, 11, 21)]
    assert roots.due(None, None, end) == []
    assert roots.due(BEGIN, None, end) == two
    assert roots.due(BEGIN, None, end + roots.SETTLE) == [*two, date(2026, 11, 22)]
    assert roots.due(BEGIN, date(2026, 11, 20), end) == two[1:]
    assert roots.due(BEGIN, date(2026, 11, 22), end + roots.SETTLE) == []
    assert roots.due(BEGIN, date(2026, 11, 30), end) == []


def test_a_root_that_was_removed_from_the_database_is_missed() -> None:
    one, two, three = (root_at(whole()[-1], date(2026, 11, day)) for day in (1, 2, 3))
    assert roots.gaps([one, two, three], []) == []
    assert roots.gaps([one, three], []) == ["root of 2026-11-02: missing in the database"]
    assert roots.gaps([one, two], [three]) == ["root of 2026-11-03: missing in the database"]


def test_a_record_that_is_none_is_a_fault() -> None:
    first = whole()[0]
    for record in ("", "[]", "{}", "[" * 100_000, '{"seq":1}', first.record.replace("detail", "x")):
        line = first._replace(record=record, hash=link(ZERO, record))
        assert fault_of(line) is not None
        assert line.detail == {}


def rehashed(place: int, until: int) -> list[Line]:
    """One line edited, and the hashes made to fit up to another line."""
    lines = list(whole())
    told = {**json.loads(lines[place].record), "subject": "case:99"}
    record = json.dumps(told, ensure_ascii=False)
    lines[place] = lines[place]._replace(subject="case:99", record=record)
    for number in range(place, max(place, until) + 1):
        previous = lines[number - 1].hash if number else ZERO
        lines[number] = lines[number]._replace(
            previous=previous, hash=link(previous, lines[number].record)
        )
    return lines


def rooted(lines: list[Line], known: list[Root]) -> list[str]:
    """What roots find in a chain."""
    chain = Chain(remember={root.seq for root in known})
    for line in lines:
        chain.follow(line)
    chain.close(end_of(lines))
    roots.compare(known, chain)
    return chain.faults
