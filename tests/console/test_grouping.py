"""Which violations are one case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from console.grouping import Flagged, Group, group

NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
BOOT, OTHER_BOOT = UUID(int=7), UUID(int=8)
WITHIN = timedelta(seconds=30)
_next = iter(range(1, 1_000_000))


def flagged(second: float = 0, **changes: Any) -> Flagged:
    values: dict[str, Any] = {
        "id": UUID(int=next(_next)),
        "city": "vithanh",
        "site": "tran-hung-dao",
        "device": "cam-1",
        "bootid": BOOT,
        "track": 1,
        "rule": "red_light",
        "vehicle": "motorcycle",
        "act": NOON + timedelta(seconds=second),
        "plate": None,
        "colour": None,
        "confidence": 0.0,
    }
    return Flagged(**(values | changes))


def sizes(groups: list[Group]) -> list[int]:
    return sorted(len(one.members) for one in groups)


def test_one_vehicle_in_one_go_is_one_case() -> None:
    both = [flagged(0), flagged(4, rule="stop_line"), flagged(9, rule="speeding")]
    (one,) = group(both, [], WITHIN)
    assert one.rules == ["red_light", "stop_line", "speeding"]
    assert (one.first, one.last) == (NOON, NOON + timedelta(seconds=9))


def test_other_vehicles_times_and_boots_are_others() -> None:
    assert sizes(group([flagged(0), flagged(1, track=2)], [], WITHIN)) == [1, 1]
    assert sizes(group([flagged(0), flagged(31)], [], WITHIN)) == [1, 1]
    assert sizes(group([flagged(0), flagged(1, bootid=OTHER_BOOT)], [], WITHIN)) == [1, 1]
    assert sizes(group([flagged(0), flagged(1, site="other")], [], WITHIN)) == [1, 1]


def test_a_lost_track_is_found_again_by_its_plate() -> None:
    plate = {"plate": "65A 123.45", "colour": "white", "confidence": 0.9}
    lost = [flagged(0, **plate), flagged(5, track=9, device="cam-2", **plate)]
    (one,) = group(lost, [], WITHIN)
    assert one.plate == "65A 123.45"
    assert sizes(group([flagged(0), flagged(5, track=9)], [], WITHIN)) == [1, 1]


def test_the_surest_plate_stands() -> None:
    (one,) = group(
        [
            flagged(0, plate="65A 123.45", colour="white", confidence=0.9),
            flagged(1, plate="65A 123.46", colour="white", confidence=0.97),
            flagged(2),
        ],
        [],
        WITHIN,
    )
    assert one.plate == "65A 123.46"


def test_a_case_that_nobody_has_opened_takes_what_comes_later() -> None:
    case = UUID(int=99)
    known = Group(
        *(case, "vithanh", "tran-hung-dao", "cam-1", BOOT, 1, "motorcycle", NOON, NOON),
        *("65A 123.45", "white", 1.0),
        ["red_light"],
    )
    (one,) = group([flagged(3, rule="no_helmet")], [known], WITHIN)
    assert one.case == case
    assert one.rules == ["red_light", "no_helmet"]
    assert one.plate == "65A 123.45"


@given(
    st.lists(
        st.tuples(st.floats(0, 300), st.integers(1, 3), st.sampled_from([None, "65A 1", "65A 2"])),
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_every_violation_is_in_one_case_and_the_order_does_not_matter(
    rows: list[tuple[float, int, str | None]], random: Any
) -> None:
    all_of_them = [
        flagged(at, track=track, plate=plate, confidence=0.9 if plate else 0.0)
        for at, track, plate in rows
    ]
    groups = group(all_of_them, [], WITHIN)
    members = [one.id for each in groups for one in each.members]
    assert sorted(members) == sorted(one.id for one in all_of_them)
    shuffled = list(all_of_them)
    random.shuffle(shuffled)
    again = group(shuffled, [], WITHIN)
    assert {frozenset(one.id for one in each.members) for each in again} == {
        frozenset(one.id for one in each.members) for each in groups
    }
