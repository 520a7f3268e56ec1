"""Plates as slots, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.plate_slots import SLOTS, SYMBOLS, decode, encode

letter = st.sampled_from("ABCDEFGHKLMNPSTUVXYZ")
digits = st.integers(0, 99999).map("{:05d}".format)
code = st.integers(11, 99).map(str)


def sure(slots: np.ndarray) -> np.ndarray:
    told = np.zeros((SLOTS, len(SYMBOLS)), np.float32)
    told[np.arange(SLOTS), slots] = 1
    return told


@given(code, letter, st.sampled_from("123456789"), digits)
def test_two_lines_come_back_without_their_marks(
    code: str, letter: str, digit: str, number: str
) -> None:
    slots = encode((f"{code}-{letter}{digit}", f"{number[:3]}.{number[3:]}"))

    assert decode(sure(slots)) == [((f"{code}{letter}{digit}", number), 1.0)]


@given(code, letter, digits)
def test_one_line_comes_back_as_one(code: str, letter: str, number: str) -> None:
    slots = encode((f"{code}{letter}-{number[:3]}.{number[3:]}",))

    assert decode(sure(slots)) == [((f"{code}{letter}{number}",), 1.0)]


def test_an_unsure_character_gives_both_texts_the_likelier_first() -> None:
    told = sure(encode(("95-V6", "7949")))
    told[4] = 0
    told[4, [SYMBOLS.index("6"), SYMBOLS.index("8")]] = 0.7, 0.3

    best, second = decode(told)

    assert (best[0], second[0]) == (("95V6", "7949"), ("95V8", "7949"))
    assert best[1] == pytest.approx(0.7)
    assert second[1] == pytest.approx(0.3)


def test_a_text_with_a_hole_is_no_plate() -> None:
    told = sure(encode(("95-V6", "528.21")))
    told[2] = 0
    told[2, 0] = 1

    assert decode(told) == []


@pytest.mark.parametrize("lines", [("95-V6", "528.21", "7"), ("95-V6123456", "1"), ()])
def test_other_layouts_are_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="slots"):
        encode(lines)
