"""Many unsure looks at one plate."""

from __future__ import annotations

import numpy as np

from models.plate_slots import SLOTS, SYMBOLS, encode
from vision.plate.grammar import understand
from vision.plate.reading import Candidate, PlateReading, Reason
from vision.plate.slot_vote import vote_slots

TRUE = encode(("95-V6", "528.21"))
FAR_OFF = encode(("65-N9", "288.73"))


def look(
    slots: np.ndarray, sure: float, *, instead: dict[int, str] | None = None, reason: Reason = ""
) -> PlateReading:
    """A look that holds each character for so probable, or another one for the likelier."""
    told = np.full((SLOTS, len(SYMBOLS)), (1 - sure) / (len(SYMBOLS) - 1), np.float32)
    told[np.arange(SLOTS), slots] = sure
    for place, character in (instead or {}).items():
        other = SYMBOLS.index(character)
        told[place, [slots[place], other]] = told[place, [other, slots[place]]]
        told[place, other], told[place, slots[place]] = 0.55, 0.4
    meaning = understand(("95V6", "52821"))
    assert meaning is not None
    rows = (np.zeros((4, 2), np.float32),) * 2
    return PlateReading((Candidate(meaning, sure**9),), rows, 10.0, "white", reason, told)


def test_looks_that_are_each_unsure_of_another_character_make_a_sure_text() -> None:
    looks = [look(TRUE, 0.9, instead={place: "7"}) for place in (1, 4, 6, 8, 10)]

    plate = vote_slots(looks)

    assert plate is not None
    assert plate.text == "95-V6 528.21"
    assert plate.confidence > 0.85
    assert plate.colour == "white"


def test_a_look_at_the_plate_of_somebody_else_does_not_count() -> None:
    plate = vote_slots([look(FAR_OFF, 0.99), *[look(TRUE, 0.9) for _ in range(4)], None])

    assert plate is not None and plate.text == "95-V6 528.21"


def test_where_the_looks_do_not_agree_nothing_is_told() -> None:
    assert vote_slots([look(TRUE, 0.9), look(FAR_OFF, 0.9)]) is None
    assert vote_slots([look(TRUE, 0.9, instead={3: "U"}) for _ in range(2)]) is None


def test_one_look_alone_tells_nothing() -> None:
    assert vote_slots([look(TRUE, 0.99), None]) is None
    assert vote_slots([]) is None


def test_looks_at_a_ground_that_no_such_plate_has_do_not_count() -> None:
    assert vote_slots([look(TRUE, 0.99, reason="colour") for _ in range(5)]) is None
