from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from ioc.clock import from_unix_ms
from ioc.ids import content_uuid8, derived_uuid7, unix_ms, uuid7
from tests.strategies import instants

ANY = instants(datetime(1971, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC))


@given(ANY)
def test_an_id_is_a_uuid_of_version_7_that_holds_its_millisecond(at: datetime) -> None:
    for made in (uuid7(at), derived_uuid7(at, "a")):
        assert made.version == 7
        assert made.variant == RFC_4122
        assert made.int >> 80 == unix_ms(at)


@given(ANY, ANY)
def test_ids_sort_by_time(first: datetime, second: datetime) -> None:
    a, b = uuid7(first), uuid7(second)
    if first != second:
        assert (a < b) == (first < second)
        assert (str(a) < str(b)) == (first < second)


def test_fresh_ids_differ_within_one_millisecond() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert len({uuid7(at) for _ in range(10_000)}) == 10_000


@given(ANY, st.lists(st.text(), max_size=4))
def test_derived_ids_are_equal_for_equal_parts(at: datetime, parts: list[str]) -> None:
    assert derived_uuid7(at, *parts) == derived_uuid7(at, *parts)


@given(ANY, st.lists(st.text("ab"), max_size=3), st.lists(st.text("ab"), max_size=3))
def test_derived_ids_differ_for_other_parts(at: datetime, one: list[str], two: list[str]) -> None:
    if one != two and (one or [""]) != (two or [""]):
        assert derived_uuid7(at, *one) != derived_uuid7(at, *two)


@given(ANY)
def test_derived_ids_differ_for_another_time(at: datetime) -> None:
    assert derived_uuid7(at, "x") != derived_uuid7(at + timedelta(milliseconds=1), "x")


@given(ANY)
def test_milliseconds_since_1970_go_both_ways(at: datetime) -> None:
    assert from_unix_ms(unix_ms(at)) == at


@given(st.lists(st.binary(max_size=20), min_size=1), st.lists(st.binary(max_size=20), min_size=1))
def test_content_ids_are_equal_for_equal_content_only(one: list[bytes], two: list[bytes]) -> None:
    assert content_uuid8(*one) == content_uuid8(*one)
    assert (content_uuid8(*one) == content_uuid8(*two)) == (one == two)
    assert content_uuid8(*one).version == 8
    assert content_uuid8(*one).variant == RFC_4122
