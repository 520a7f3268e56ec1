"""What goes when: the rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.retention import cutoffs, reason_to_go, split
from ioc.console_settings import ConsoleSettings
from store.retention import KeptCase

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SETTINGS = ConsoleSettings(confirmed_keep_days=730, rejected_keep_days=7, unreviewed_keep_days=30)
DAY = timedelta(days=1)
STATES = ("pending", "second", "blind", "disputed", "needs_more", "confirmed", "rejected")


def case(state: str, acted: float, decided: float | None = None, **more: Any) -> KeptCase:
    """A case whose act and decision were some days ago."""
    values: dict[str, Any] = {
        "id": UUID(int=1), "number": 1, "state": state, "act_last": NOW - acted * DAY,
        "decided": None if decided is None else NOW - decided * DAY, "hold": None,
        "expunged": None, **more,
    }  # fmt: skip
    return KeptCase(**values)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (case("confirmed", 900, 730.1), "confirmed"),
        (case("confirmed", 900, 729.9), None),
        (case("rejected", 900, 7.1), "rejected"),
        (case("rejected", 900, 6.9), None),
        (case("pending", 30.1), "unreviewed"),
        (case("pending", 29.9), None),
        (case("second", 30.1), "unreviewed"),
        (case("blind", 30.1), "unreviewed"),
        (case("disputed", 30.1), "unreviewed"),
        (case("needs_more", 30.1), "unreviewed"),
        (case("confirmed", 9000, None), None),
        (case("rejected", 9000, 9000, hold="khiếu nại"), None),
        (case("pending", 9000, hold="khiếu nại"), None),
        (case("rejected", 9000, 9000, expunged=NOW), None),
    ],
)
def test_each_kind_has_its_time(one: KeptCase, reason: str | None) -> None:
    assert reason_to_go(one, cutoffs(SETTINGS, NOW)) == reason


@given(
    st.sampled_from(STATES), st.floats(0, 2000), st.none() | st.floats(0, 2000),
    st.none() | st.just("x"),
)  # fmt: skip
def test_nothing_goes_early_and_nothing_that_is_held(
    state: str, acted: float, decided: float | None, hold: str | None
) -> None:
    reason = reason_to_go(case(state, acted, decided, hold=hold), cutoffs(SETTINGS, NOW))
    if hold is not None:
        assert reason is None
    if reason is not None:
        kept = {"confirmed": 730, "rejected": 7, "unreviewed": 30}[reason]
        age = acted if reason == "unreviewed" else decided
        assert age is not None
        assert age > kept


@given(st.sets(st.sampled_from("abcdef")), st.dictionaries(
    st.sampled_from("abcdef"), st.sets(st.none() | st.builds(UUID, int=st.integers(1, 3)))
))  # fmt: skip
def test_a_file_goes_with_its_last_user(
    files: set[str], users: dict[str, set[UUID | None]]
) -> None:
    mine = UUID(int=1)
    gone, kept = split(files, users, mine)
    assert set(gone) | set(kept) == files
    assert not set(gone) & set(kept)
    for one in gone:
        assert users.get(one, set()) <= {mine}
    for one in kept:
        assert users[one] - {mine}
