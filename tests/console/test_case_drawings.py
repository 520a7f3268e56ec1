"""The bar under a clip, the map, and the agreement of reviewers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.agreement import agreement
from console.sitemap import HEIGHT, WIDTH, sitemap
from console.timeline import timeline
from store.case_file import Phase, Place

ACT = datetime(2026, 11, 20, 5, tzinfo=UTC)
PICTURES = list(range(-6_000_000, 6_000_001, 40_000))


def at(second: float) -> datetime:
    return ACT + timedelta(seconds=second)


def test_the_act_is_where_it_was_in_the_clip() -> None:
    line = timeline(ACT, PICTURES, [("before", -1_000_000), ("at", 0)], [])
    assert line.seconds == 12
    assert line.act_s == 6
    assert line.step_s == 0.04
    assert {mark.kind: mark.at for mark in line.marks}["act"] == 500
    assert [mark.second for mark in line.marks] == [6, 5, 6]


def test_phases_are_cut_to_the_clip() -> None:
    line = timeline(ACT, PICTURES, [], [Phase("green", at(-60)), Phase("red", at(-3))])
    assert [(span.phase, span.left, span.width, span.seconds) for span in line.spans] == [
        ("green", 0, 250, 3),
        ("red", 250, 750, 9),
    ]


def test_without_a_manifest_the_usual_clip_is_drawn() -> None:
    line = timeline(ACT, [], [], [])
    assert (line.seconds, line.act_s) == (12, 6)


@given(
    pictures=st.lists(st.integers(-(10**7), 10**7), max_size=30),
    changes=st.lists(st.integers(-60, 60), max_size=6),
)
def test_nothing_is_drawn_outside(pictures: list[int], changes: list[int]) -> None:
    phases = [Phase("red", at(second)) for second in sorted(changes)]
    line = timeline(ACT, pictures, [("after", 9_000_000)], phases)
    assert line.seconds > 0
    assert all(0 <= mark.at <= 1000 for mark in line.marks)
    assert all(span.left >= 0 and span.left + span.width <= 1000.01 for span in line.spans)


def place(city: str, site: str, latitude: float, longitude: float) -> Place:
    return Place(
        city=city,
        site=site,
        name_vi=f"Ngã tư {site}",
        name_en=f"{site} junction",
        city_name_vi=city,
        city_name_en=city,
        latitude=latitude,
        longitude=longitude,
    )


def test_north_is_up_and_east_is_right() -> None:
    west, east = place("vithanh", "a", 9.7842, 105.4703), place("ngabay", "b", 9.8163, 105.8198)
    dots, scale = sitemap([west, east], ("vithanh", "a"), "vi")
    here, there = dots[1], dots[0]
    assert here.here and here.label == "Ngã tư a" and there.label == "ngabay"
    assert here.x < there.x and here.y > there.y
    assert scale is not None and scale.text == "10 km"
    # 38.3 km from one to the other, on the ground.
    apart = ((here.x - there.x) ** 2 + (here.y - there.y) ** 2) ** 0.5
    assert apart / scale.width * 10 == pytest.approx(38.5, abs=0.5)


@given(st.lists(st.tuples(st.floats(8, 23), st.floats(102, 110)), max_size=40))
def test_all_junctions_are_on_the_map(points: list[tuple[float, float]]) -> None:
    places = [place("c", str(n), *point) for n, point in enumerate(points)]
    dots, _ = sitemap(places, ("c", "0"), "en")
    assert len(dots) == len(points)
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in dots)


def test_kappa_of_the_textbook() -> None:
    # Cohen's own kind of table: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no gives 0.4.
    pairs = (
        [("confirm", "confirm")] * 20
        + [("confirm", "reject")] * 5
        + [("reject", "confirm")] * 10
        + [("reject", "reject")] * 15
    )
    found = agreement(pairs)
    assert (found.pairs, found.same) == (50, 35)
    assert found.kappa == pytest.approx(0.4)


def test_kappa_is_not_told_where_it_is_not_defined() -> None:
    assert agreement([]).kappa is None
    assert agreement([("confirm", "confirm")] * 3).kappa is None
    assert agreement([("confirm", "reject"), ("reject", "confirm")]).kappa == pytest.approx(-1)
