from __future__ import annotations

import numpy as np
import pytest

from ioc.events import Plate, PlateColour
from vision.plate.grammar import understand
from vision.plate.reading import Candidate, PlateReading, Reason
from vision.plate.vote import vote

RIGHT = ("78H1", "04652")
WRONG = ("78H1", "04682")


def look(
    *seen: tuple[tuple[str, ...], float],
    height: float = 30,
    colour: PlateColour = "white",
    reason: Reason = "",
) -> PlateReading:
    candidates = []
    for lines, probability in seen:
        meaning = understand(lines)
        assert meaning is not None
        candidates.append(Candidate(meaning, probability))
    row = np.zeros((4, 2), np.float32)
    return PlateReading(tuple(candidates), (row, row), height, colour, reason)


def test_one_sure_look_is_enough_and_one_unsure_look_is_not() -> None:
    plate = vote([look((RIGHT, 0.98))])
    assert plate is not None
    assert (plate.text, plate.colour) == ("78-H1 046.52", "white")
    assert plate.confidence == pytest.approx(0.98, abs=0.01)
    assert vote([look((RIGHT, 0.6), reason="unsure")]) is None


def test_unsure_looks_that_agree_make_a_sure_plate() -> None:
    unsure = look((RIGHT, 0.7), (WRONG, 0.2), reason="unsure")
    plate = vote([unsure, None, unsure, unsure])
    assert plate is not None
    assert plate.text == "78-H1 046.52"
    # Three looks of one pass are not three witnesses: independent, they would give 0.97.
    assert 0.85 <= plate.confidence < 0.92


def test_many_looks_outvote_one_that_is_sure_and_wrong() -> None:
    plate = vote([look((WRONG, 0.95)), *[look((RIGHT, 0.95), (WRONG, 0.03))] * 4])
    assert plate is not None
    assert plate.text == "78-H1 046.52"


def test_looks_that_contradict_each_other_give_no_plate() -> None:
    assert vote([look((RIGHT, 0.97)), look((WRONG, 0.97))]) is None
    other = ("51A", "19222")
    assert vote([look((RIGHT, 0.97)), look((WRONG, 0.97)), look((other, 0.97))]) is None


def test_a_high_plate_counts_more_than_a_low_one() -> None:
    near, far = look((RIGHT, 0.97), height=40), look((WRONG, 0.9), height=6)
    plate = vote([near, far, near])
    assert plate is not None
    assert plate.text == "78-H1 046.52"


def test_nothing_seen_is_no_plate() -> None:
    assert vote([]) is None
    assert vote([None, None]) is None
    assert vote([look((RIGHT, 0.99), height=5, reason="too_small")]) is None


def test_a_ground_that_does_not_fit_has_no_vote() -> None:
    assert vote([look((RIGHT, 0.99), colour="red", reason="colour")]) is None


def test_the_colour_is_what_most_looks_say() -> None:
    dark = look((RIGHT, 0.98), colour="unknown")
    blue = look((RIGHT, 0.98), colour="blue")
    plate = vote([dark, blue, dark])
    assert isinstance(plate, Plate)
    assert plate.colour == "blue"
    mixed = vote([blue, look((RIGHT, 0.98), colour="white")])
    assert mixed is not None
    assert mixed.colour == "unknown"
