from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import receipt
from ioc.ids import uuid7
from ioc.receipt import Receipt, ranges_of
from tests.strategies import NOW

NUMBERS = st.lists(st.integers(0, 60) | st.integers(0, 2**53 - 1))


@given(NUMBERS)
def test_ranges_hold_exactly_the_numbers_given(numbers: list[int]) -> None:
    held = [
        n
        for first, last in ranges_of(numbers)
        if last - first < 100
        for n in range(first, last + 1)
    ]
    assert held == sorted(set(numbers))


@given(NUMBERS)
def test_ranges_are_as_few_as_can_be_and_rise(numbers: list[int]) -> None:
    ranges = ranges_of(numbers)
    assert all(first <= last for first, last in ranges)
    assert all(b_first > a_last + 1 for (_, a_last), (b_first, _) in pairwise(ranges))


def test_examples() -> None:
    assert ranges_of([]) == []
    assert ranges_of([0]) == [(0, 0)]
    assert ranges_of([5, 3, 4, 4, 9, 0]) == [(0, 0), (3, 5), (9, 9)]


@given(NUMBERS.filter(bool))
def test_a_receipt_survives_the_way(numbers: list[int]) -> None:
    sent = Receipt(bootid=uuid7(NOW), ranges=ranges_of(numbers))
    assert receipt.decode(receipt.encode(sent)) == sent


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"bootid":"01a200b9-b48d-7aed-b6a3-039cd4208beb","ranges":[]}',
        b'{"bootid":"01a200b9-b48d-7aed-b6a3-039cd4208beb","ranges":[[-1,2]]}',
        b'{"bootid":"01a200b9-b48d-7aed-b6a3-039cd4208beb","ranges":[[1]]}',
        b'{"bootid":"x","ranges":[[1,2]]}',
        b'{"ranges":[[1,2]]}',
    ],
)
def test_what_is_no_receipt_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        receipt.decode(raw)
