"""Violations of the database held against the truth of a clip."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from ioc.events import Rule, VehicleClass
from ioc.topics import DevicePath
from measure.judgement import UNDECIDED_S, Played, Reported, RuleScore, plate_verdict, score
from simulator.conditions import Conditions
from simulator.place import Watch
from simulator.truth.act import Act
from simulator.truth.record import START, Record

CAMERA = DevicePath("vithanh", "tran-hung-dao", "cam-1")
OTHER = DevicePath("ngabay", "hung-vuong", "cam-1")

WATCHES = (
    Watch("red_light"),
    Watch("wrong_way"),
    Watch("no_helmet"),
    Watch("illegal_parking", duration_s=15.0),
)


def act(
    at_s: float,
    *,
    rule: Rule = "red_light",
    lane: str | None = "s-in-2",
    plate: str | None = "95-B1 123.45",
    kind: VehicleClass = "motorcycle",
    doubtful: bool = False,
    lasts_s: float = 0.0,
) -> Act:
    return Act(
        rule, 1, at_s, at_s, at_s + lasts_s, lane, plate, kind, 20.0, None, doubtful, "made up"
    )


def report(
    at_s: float,
    *,
    rule: Rule = "red_light",
    lane: str | None = "s-in-2",
    plate: str | None = None,
    kind: VehicleClass = "motorcycle",
    camera: DevicePath = CAMERA,
) -> Reported:
    at = START + timedelta(seconds=at_s)
    return Reported(UUID(int=int(at_s * 1000)), camera, rule, kind, at, lane, plate, ())


def judged(acts: list[Act], *reports: Reported, seconds: float = 60.0) -> dict[Rule, RuleScore]:
    truth = Record(
        place="vithanh/tran-hung-dao", camera="cam-1", seed=1,
        conditions=Conditions("day", "clear", "normal"), rate=12.5, frames=750, width=1920,
        height=1080, start=START, heads=(), changes=(), vehicles=(), acts=tuple(acts), intents=(),
        passages=(), counts=(), plates=(),
    )  # fmt: skip
    return score([Played(CAMERA, truth, WATCHES, START, seconds)], reports)


def counts(found: RuleScore) -> tuple[int, int, int]:
    return found.tally.right, found.tally.missed, found.tally.false


def test_a_report_finds_its_act_and_tells_how_far_off_it_was() -> None:
    found = judged([act(10.0)], report(10.12, plate="95B1-12345"))["red_light"]
    assert counts(found) == (1, 0, 0)
    assert found.tally.error(95) == pytest.approx(0.12)
    assert found.plates == {"exact": 1}


def test_a_rule_that_nobody_broke_is_told_too() -> None:
    assert counts(judged([act(10.0)])["wrong_way"]) == (0, 0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        report(11.2),
        report(10.0, rule="wrong_way"),
        report(10.0, camera=OTHER),
        report(10.0, lane="s-in-1", kind="car"),
    ],
)
def test_another_time_rule_camera_or_vehicle_is_another_act(wrong: Reported) -> None:
    assert counts(judged([act(10.0)], wrong)["red_light"])[:2] == (0, 1)


def test_one_act_takes_one_report_and_the_second_is_false() -> None:
    found = judged([act(10.0)], report(10.0), report(10.3))["red_light"]
    assert counts(found) == (1, 0, 1)
    assert found.tally.error(95) == 0


def test_two_at_once_get_their_own_reports_by_plate() -> None:
    acts = [act(10.0, plate="95-B1 111.11"), act(10.1, plate="95-B1 222.22")]
    reports = (report(10.0, plate="95-B1 222.22"), report(10.1, plate="95-B1 111.11"))
    found = judged(acts, *reports)["red_light"]
    assert counts(found) == (2, 0, 0)
    assert found.plates == {"exact": 2}


def test_a_wrong_plate_and_one_that_was_not_read_are_counted_apart() -> None:
    acts = [act(10.0), act(20.0), act(30.0, plate=None)]
    reports = (report(10.0, plate="95-B1 999.99"), report(20.0), report(30.0))
    assert judged(acts, *reports)["red_light"].plates == {"wrong": 1, "none": 1}


def test_doubtful_acts_count_for_nobody_and_take_no_report_from_a_sure_one() -> None:
    found = judged([act(10.0, doubtful=True), act(10.4)], report(10.0))["red_light"]
    assert counts(found) == (1, 0, 0)
    assert found.tally.doubtful == 1


def test_an_act_at_the_end_is_not_missed_for_it_could_not_be_decided() -> None:
    acts = [act(30.0), act(30.0 + UNDECIDED_S + 1)]
    found = judged(acts, seconds=30.0 + UNDECIDED_S + 0.5)["red_light"]
    assert counts(found) == (0, 1, 0)


@pytest.mark.parametrize(("seconds", "missed"), [(26.9, 0), (27.1, 1)])
def test_a_parked_car_is_missed_only_once_it_could_have_been_told(
    seconds: float, missed: int
) -> None:
    parked = [act(10.0, rule="illegal_parking", kind="car")]
    assert counts(judged(parked, seconds=seconds)["illegal_parking"]) == (0, missed, 0)


@pytest.mark.parametrize(("seconds", "missed"), [(15.0, 0), (17.0, 1)])
def test_a_rider_is_missed_only_once_he_has_gone_by(seconds: float, missed: int) -> None:
    bare = [act(5.0, rule="no_helmet", lane=None, lasts_s=9.0)]
    assert counts(judged(bare, seconds=seconds)["no_helmet"]) == (0, missed, 0)


def test_what_goes_on_for_a_while_is_right_at_any_instant_of_it() -> None:
    found = judged(
        [act(5.0, rule="no_helmet", lane=None, lasts_s=9.0)], report(12.0, rule="no_helmet")
    )["no_helmet"]
    assert counts(found) == (1, 0, 0)
    assert found.tally.error(95) == 0


@pytest.mark.parametrize(
    ("true", "read", "verdict"),
    [
        ("95-B1 123.45", "95B112345", "exact"),
        ("81-MĐ1 123.45", "81-MĐ1 123.45", "exact"),
        ("95-B1 123.45", "95-B1 123.46", "wrong"),
        ("95-B1 123.45", None, "none"),
    ],
)
def test_plates_are_compared_by_their_letters(true: str, read: str | None, verdict: str) -> None:
    assert plate_verdict(true, read) == verdict
