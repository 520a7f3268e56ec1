from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from measure.accuracy.simulated.boxes import ClipBoxes
from measure.accuracy.simulated.confusion import mistakes
from measure.accuracy.simulated.matching import match
from measure.accuracy.simulated.watched import Flagged, TrueAct, Watched
from tests.measure.clips import FRAMES, act, boxes, flag, tracks, watched

WHOLE = range(FRAMES)


def causes(one: Watched) -> list[str]:
    return [mistake.cause for mistake in mistakes(one, match(one))]


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (watched((act(),)), "rule_silent"),
        (watched((act(),), found=boxes((1,)), followed=tracks({8: (1, WHOLE)})), "not_detected"),
        (watched((act(),), truth=boxes(share=0.2)), "hidden"),
        (watched((act(),), found=boxes(vehicle="bicycle")), "class_wrong"),
        (
            watched((act(),), followed=tracks({7: (0, range(100)), 9: (0, range(100, FRAMES))})),
            "track_broken",
        ),
        (watched((act(),), followed=tracks({8: (1, WHOLE)})), "track_broken"),
        (watched((act(),), phase="unknown"), "signal_unknown"),
        (watched((act(rule="no_helmet", head=None),)), "head_not_seen"),
        (watched((act(),), (flag(rule="stop_line", act_s=10.3),)), "other_rule"),
    ],
)
def test_causes_of_a_missed_act(one: Watched, cause: str) -> None:
    assert causes(one)[0] == cause


def test_a_report_at_another_time_explains_both_mistakes() -> None:
    assert causes(watched((act(),), (flag(act_s=12.0),))) == ["time_off", "time_off"]


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (watched((), (flag(),)), "rule_wrong"),
        (watched((), (flag(),), tracks({7: (5, WHOLE)})), "no_vehicle"),
        (watched((), (replace(flag(), vehicle="car"),)), "class_wrong"),
        (watched((act(1),), (flag(7),)), "wrong_vehicle"),
        (watched((act(),), (flag(), flag(act_s=10.2))), "double"),
    ],
)
def test_causes_of_a_false_alarm(one: Watched, cause: str) -> None:
    assert causes(one)[-1] == cause


def test_nothing_is_wrong_where_all_is_right() -> None:
    doubtful: TrueAct = act(1, doubtful=True)
    report: Flagged = flag()
    assert causes(watched((act(), doubtful), (report,))) == []


def test_a_head_that_was_marked_leaves_the_rule_to_blame() -> None:
    truth = boxes()
    heads = ClipBoxes(
        truth.frame,
        np.zeros(len(truth), np.int64),
        truth.xyxy * np.array([1, 1, 1, 0.6], np.float32),
        truth.class_id,
        truth.share,
        FRAMES,
    )
    assert causes(watched((act(rule="no_helmet", head=None),), bare=heads)) == ["rule_silent"]
