"""Intervals of shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.intervals import wilson


def test_the_interval_of_none_wrong_is_not_empty() -> None:
    low, high = wilson(0, 24)
    assert low == 0
    assert high == pytest.approx(0.138, abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)


@given(of=st.integers(1, 5000), data=st.data())
def test_the_interval_holds_the_share_and_mirrors(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of + 1e-12 and hits / of - 1e-12 <= high <= 1
    assert wilson(of - hits, of) == pytest.approx((1 - high, 1 - low))
