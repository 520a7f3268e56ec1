from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.events import Rule, VehicleClass
from ioc.law import Catalogue, Penalty, catalogue, day_of_act
from ioc.law.catalogue import FOLDER

RULES: Final[tuple[Rule, ...]] = get_args(Rule)
VEHICLES: Final[tuple[VehicleClass, ...]] = get_args(VehicleClass)
CARS: Final[tuple[VehicleClass, ...]] = ("car", "bus", "truck", "other")
MOTORCYCLES: Final[tuple[VehicleClass, ...]] = ("motorcycle", "three_wheeler")
DAY = date(2026, 11, 22)

Figures = tuple[str, int, int, int]

DECREE: dict[tuple[Rule, VehicleClass], Figures] = {
    # Article, fine in thousands of VND, points: as printed in 168/2024/NĐ-CP.
    ("red_light", "car"): ("Điều 6, khoản 9, điểm b", 18_000, 20_000, 4),
    ("stop_line", "car"): ("Điều 6, khoản 1, điểm a", 400, 600, 0),
    ("wrong_way", "car"): ("Điều 6, khoản 9, điểm d", 18_000, 20_000, 4),
    ("illegal_parking", "car"): ("Điều 6, khoản 3, điểm e", 800, 1_000, 0),
    ("wrong_lane", "car"): ("Điều 6, khoản 5, điểm b", 4_000, 6_000, 2),
    ("no_entry", "car"): ("Điều 6, khoản 5, điểm i", 4_000, 6_000, 2),
    ("illegal_turn", "car"): ("Điều 6, khoản 4, điểm k", 2_000, 3_000, 0),
    ("red_light", "motorcycle"): ("Điều 7, khoản 7, điểm c", 4_000, 6_000, 4),
    ("stop_line", "motorcycle"): ("Điều 7, khoản 1, điểm a", 200, 400, 0),
    ("wrong_way", "motorcycle"): ("Điều 7, khoản 7, điểm a", 4_000, 6_000, 2),
    ("illegal_parking", "motorcycle"): ("Điều 7, khoản 2, điểm e", 400, 600, 0),
    ("wrong_lane", "motorcycle"): ("Điều 7, khoản 3, điểm d", 600, 800, 0),
    ("no_entry", "motorcycle"): ("Điều 7, khoản 6, điểm b", 2_000, 3_000, 2),
    ("illegal_turn", "motorcycle"): ("Điều 7, khoản 3, điểm a", 600, 800, 0),
    ("no_helmet", "motorcycle"): ("Điều 7, khoản 2, điểm h", 400, 600, 0),
    ("red_light", "bicycle"): ("Điều 9, khoản 2, điểm đ", 150, 250, 0),
    ("wrong_way", "bicycle"): ("Điều 9, khoản 3, điểm c", 300, 400, 0),
}


def figures(penalty: Penalty | None) -> Figures | None:
    if penalty is None:
        return None
    thousands = penalty.fine_min // 1000, penalty.fine_max // 1000
    return penalty.article, *thousands, penalty.points


def of_speed(vehicle: VehicleClass, over_kmh: float | None) -> Figures | None:
    return figures(catalogue().penalty("speeding", vehicle, DAY, over_kmh=over_kmh))


def printed_for_cars(over: float) -> Figures | None:
    if over < 5:
        return None
    if over < 10:
        return "Điều 6, khoản 3, điểm a", 800, 1_000, 0
    if over <= 20:
        return "Điều 6, khoản 5, điểm đ", 4_000, 6_000, 2
    if over <= 35:
        return "Điều 6, khoản 6, điểm a", 6_000, 8_000, 4
    return "Điều 6, khoản 7, điểm a", 12_000, 14_000, 6


def printed_for_motorcycles(over: float) -> Figures | None:
    if over < 5:
        return None
    if over < 10:
        return "Điều 7, khoản 2, điểm b", 400, 600, 0
    if over <= 20:
        return "Điều 7, khoản 4, điểm a", 800, 1_000, 0
    return "Điều 7, khoản 8, điểm a", 6_000, 8_000, 4


ENDS = (0.0, 4.999, 5.0, 9.999, 10.0, 20.0, 20.001, 35.0, 35.001, 400.0)


# --- what the delivered files say


@pytest.mark.parametrize("pair", DECREE, ids="/".join)
def test_a_penalty_is_what_the_decree_prints(pair: tuple[Rule, VehicleClass]) -> None:
    assert figures(catalogue().penalty(*pair, DAY)) == DECREE[pair]


@pytest.mark.parametrize("alike", [CARS, MOTORCYCLES])
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "no_helmet"])
def test_classes_that_the_law_treats_alike_have_one_penalty(
    rule: Rule, alike: tuple[VehicleClass, ...]
) -> None:
    found = {figures(catalogue().penalty(rule, one, DAY, over_kmh=15)) for one in alike}
    assert len(found) == 1
    assert None not in found


@given(st.one_of(st.floats(0, 400), st.sampled_from(ENDS)), st.sampled_from(CARS))
def test_bands_of_cars_begin_and_end_where_the_law_says(over: float, car: VehicleClass) -> None:
    assert of_speed(car, over) == printed_for_cars(over)


@given(st.one_of(st.floats(0, 400), st.sampled_from(ENDS)), st.sampled_from(MOTORCYCLES))
def test_bands_of_motorcycles_begin_and_end_where_the_law_says(
    over: float, motorcycle: VehicleClass
) -> None:
    assert of_speed(motorcycle, over) == printed_for_motorcycles(over)


@pytest.mark.parametrize(
    ("over", "clause"), [(5, 3), (10, 5), (20, 5), (20.000001, 6), (35, 6), (35.000001, 7)]
)
def test_an_end_belongs_to_the_band_that_the_law_gives_it_to(over: float, clause: int) -> None:
    penalty = catalogue().penalty("speeding", "car", DAY, over_kmh=over)
    assert penalty is not None
    assert f"khoản {clause}," in penalty.article


@pytest.mark.parametrize("over", [None, -3.0, 4.999999, float("nan")])
def test_speeding_without_a_punishable_excess_has_no_penalty(over: float | None) -> None:
    assert of_speed("car", over) is None


def test_other_rules_do_not_ask_for_a_speed() -> None:
    asked = catalogue().penalty("red_light", "car", DAY, over_kmh=50)
    assert asked == catalogue().penalty("red_light", "car", DAY)


@pytest.mark.parametrize("pair", list(product(RULES, VEHICLES)), ids="/".join)
@pytest.mark.parametrize("day", [date(2025, 1, 1), DAY])
def test_every_rule_and_class_has_a_penalty_or_a_reason(
    pair: tuple[Rule, VehicleClass], day: date
) -> None:
    penalty = catalogue().penalty(*pair, day, over_kmh=15)
    reason = catalogue().absence(*pair, day)
    assert (penalty is None) != (reason is None)


def test_before_the_first_law_nothing_is_said() -> None:
    eve = date(2024, 12, 31)
    assert catalogue().penalty("red_light", "car", eve) is None
    assert catalogue().absence("no_helmet", "car", eve) is None
    assert catalogue().penalty("red_light", "car", eve + timedelta(days=1)) is not None


@given(
    st.sampled_from(RULES),
    st.sampled_from(VEHICLES),
    st.dates(date(2025, 1, 1), date(2040, 1, 1)),
    st.floats(0, 100),
)
def test_the_amendment_of_2026_changed_no_figure(
    rule: Rule, vehicle: VehicleClass, day: date, over: float
) -> None:
    first = catalogue().penalty(rule, vehicle, date(2025, 1, 1), over_kmh=over)
    assert figures(catalogue().penalty(rule, vehicle, day, over_kmh=over)) == figures(first)


@pytest.mark.parametrize("vehicle", ["car", "motorcycle"])
def test_a_penalty_names_the_amendment_that_touched_its_article(vehicle: VehicleClass) -> None:
    before = catalogue().penalty("no_entry", vehicle, date(2026, 8, 14))
    after = catalogue().penalty("no_entry", vehicle, date(2026, 8, 15))
    untouched = catalogue().penalty("red_light", vehicle, date(2026, 8, 15))
    assert before is not None
    assert after is not None
    assert untouched is not None
    assert before.amended_by == untouched.amended_by == ()
    assert after.amended_by == ("238/2026/NĐ-CP",)
    assert after.law == "168/2024/NĐ-CP"
    assert after.citation.endswith("168/2024/NĐ-CP (sửa đổi, bổ sung bởi 238/2026/NĐ-CP)")


def test_what_a_camera_cannot_tell_apart_is_said_beside_the_penalty() -> None:
    weighed = catalogue().penalty("red_light", "three_wheeler", DAY)
    unknown = catalogue().penalty("red_light", "other", DAY)
    car = catalogue().penalty("red_light", "car", DAY)
    assert weighed is not None
    assert unknown is not None
    assert car is not None
    assert "400 kg" in weighed.note
    assert "chưa xác định được loại xe" in unknown.note
    assert unknown.note.startswith(car.note)


def test_points_name_where_they_stand() -> None:
    for rule, vehicle in product(RULES, VEHICLES):
        penalty = catalogue().penalty(rule, vehicle, DAY, over_kmh=40)
        if penalty is not None:
            article = (penalty.points_article or "").split(",")[0]
            assert article == (penalty.article.split(",")[0] if penalty.points else "")


def test_the_delivered_catalogue_is_read_once() -> None:
    assert catalogue() is catalogue()


def test_the_delivered_folder_is_the_default() -> None:
    named, delivered = Catalogue.load(FOLDER), Catalogue.load()
    assert named.penalty("red_light", "car", DAY) == delivered.penalty("red_light", "car", DAY)


# --- the day of the act


def test_the_day_is_that_of_vietnam() -> None:
    eve = datetime(2024, 12, 31, 16, 59, 59, tzinfo=UTC)
    assert day_of_act(eve) == date(2024, 12, 31)
    assert day_of_act(eve + timedelta(seconds=1)) == date(2025, 1, 1)


def test_an_instant_is_no_day() -> None:
    with pytest.raises(TypeError, match="day_of_act"):
        catalogue().penalty("red_light", "car", datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="no time zone"):
        day_of_act(datetime(2026, 1, 1))


# --- several acts, texts


def test_several_acts_cost_every_fine_but_only_the_most_points() -> None:
    acts: list[tuple[Rule, float | None]] = [("red_light", None), ("speeding", 40.0)]
    penalties = [catalogue().penalty(rule, "car", DAY, over_kmh=over) for rule, over in acts]
    combined = Catalogue.combined(each for each in penalties if each is not None)
    assert (combined.fine_min, combined.fine_max) == (30_000_000, 34_000_000)
    assert combined.points == 6


@given(st.lists(st.tuples(st.sampled_from(RULES), st.sampled_from(VEHICLES)), max_size=6))
def test_combined_sums_fines_and_takes_the_most_points(
    pairs: list[tuple[Rule, VehicleClass]],
) -> None:
    found = [catalogue().penalty(*pair, DAY, over_kmh=12) for pair in pairs]
    each = [penalty for penalty in found if penalty is not None]
    combined = catalogue().combined(each)
    assert combined.fine_min == sum(one.fine_min for one in each)
    assert combined.fine_max == sum(one.fine_max for one in each)
    assert combined.points == max((one.points for one in each), default=0)


def test_texts() -> None:
    red = catalogue().penalty("red_light", "motorcycle", DAY)
    helmet = catalogue().penalty("no_helmet", "motorcycle", DAY)
    assert red is not None
    assert helmet is not None
    assert red.fine_text() == "4.000.000–6.000.000 đ"
    assert red.fine_text("en") == "4,000,000–6,000,000 VND"
    assert (red.points_text(), red.points_text("en")) == ("Trừ 4 điểm GPLX", "4 licence points")
    assert helmet.fine_text("vi") == "400.000–600.000 đ"
    assert (helmet.points_text("vi"), helmet.points_text("en")) == (
        "Không trừ điểm GPLX",
        "No licence points",
    )
    assert catalogue().combined([]).fine_text() == "0 đ"
