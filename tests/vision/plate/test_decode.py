from __future__ import annotations

import numpy as np
import pytest

from vision.plate.decode import CHARACTERS, Probabilities, decode, mixing
from vision.plate.grammar import automaton


def steps(*seen: dict[str, float]) -> Probabilities:
    """One step for each, what is left going to "no character"."""
    made = np.zeros((len(seen), 1 + len(CHARACTERS)), np.float32)
    for row, chances in zip(made, seen, strict=True):
        for character, chance in chances.items():
            row[CHARACTERS.index(character) + 1] = chance
        row[0] = 1 - row.sum()
    return made


def spelt(text: str) -> list[dict[str, float]]:
    return [part for character in text for part in ({character: 1.0}, {})]


def test_a_clear_line_is_read_as_it_stands() -> None:
    lines = decode(steps(*spelt("51H04073")), automaton("whole"))
    assert lines[0].text == "51H04073"
    assert lines[0].probability == pytest.approx(1)


def test_a_character_held_for_two_steps_is_one_and_one_after_a_gap_is_two() -> None:
    held = decode(steps({"3": 1}, {"3": 1}, {"5": 1}, {"7": 1}, {"9": 1}), automaton("bottom"))
    assert [line.text for line in held] == ["3579"]
    doubled = steps({"3": 1}, {"3": 1}, {}, {"3": 1}, {"5": 1}, {"7": 1}, {"9": 1})
    assert decode(doubled, automaton("bottom"))[0].text == "33579"


def test_the_position_decides_what_a_shape_means_but_lowers_the_confidence() -> None:
    # Letters where only digits may stand, a digit where only a letter may.
    lines = decode(steps(*spelt("S1804O73".replace("O", "D"))), automaton("whole"))
    assert lines[0].text == "51B04073"
    assert lines[0].probability == pytest.approx(0.5**3)


def test_a_shape_held_for_two_steps_is_not_read_as_two_characters() -> None:
    seen = [*spelt("51"), {"8": 1.0}, {"8": 1.0}, {}, *spelt("12345")]
    assert [line.text for line in decode(steps(*seen), automaton("whole"))] == ["51B12345"]


def test_doubt_is_shared_between_the_texts() -> None:
    seen = [*spelt("51H0407"), {"3": 0.6, "8": 0.4}]
    lines = decode(steps(*seen), automaton("whole"))
    assert [line.text for line in lines[:2]] == ["51H04073", "51H04078"]
    assert [line.probability for line in lines[:2]] == pytest.approx([0.6, 0.4])


def test_writing_that_is_no_plate_gives_nothing() -> None:
    assert decode(steps(*spelt("HENDA")), automaton("whole")) == []
    assert decode(steps(), automaton("whole")) == []
    assert decode(steps({}, {}), automaton("top")) == []


def test_other_classes_are_folded_and_a_missing_one_is_told() -> None:
    classes = ["", *CHARACTERS, "O", "đ", "-", "字"]
    chosen, shares = mixing(classes)
    mixed = np.eye(len(classes), dtype=np.float32)[:, chosen] @ shares
    assert mixed[classes.index("O"), CHARACTERS.index("0") + 1] == 1
    assert mixed[classes.index("-"), 0] == 1
    assert mixed[classes.index("字")].sum() == 0
    with pytest.raises(ValueError, match="no class for 7"):
        mixing(["", *CHARACTERS.replace("7", "")])
