from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.plate.grammar import CODES, PROVINCES, automaton, understand


@pytest.mark.parametrize(
    ("lines", "text", "kind"),
    [
        (("51H04073",), "51H-040.73", "car"),
        (("29A1234",), "29A-1234", "car"),
        (("51A", "19222"), "51A 192.22", "car"),
        (("29LD12345",), "29LD-123.45", "car"),
        (("29TD", "12345"), "29TĐ 123.45", "car"),
        (("78H1", "04652"), "78-H1 046.52", "motorcycle"),
        (("81K5", "3579"), "81-K5 3579", "motorcycle"),
        (("81AA", "04892"), "81-AA 048.92", "motorcycle"),
        (("95MD1", "12345"), "95-MĐ1 123.45", "motorcycle"),
        (("TM1234",), "TM-12-34", "military"),
        (("TM", "1234"), "TM 12-34", "military"),
        (("80NG12345",), "80-NG-123-45", "diplomatic"),
        (("T29", "12345"), "T29 123.45", "temporary"),
    ],
)
def test_a_text_is_written_as_on_the_plate(lines: tuple[str, ...], text: str, kind: str) -> None:
    meaning = understand(lines)
    assert meaning is not None
    assert (meaning.text, meaning.kind) == (text, kind)


@pytest.mark.parametrize(
    "lines",
    [
        ("13A12345",),  # 13 was never given to a province
        ("51I12345",),  # I is no series letter
        ("51A123",),
        ("51A123456",),
        ("78H0", "04652"),  # series digits count from 1
        ("51A", "192"),
        ("ZZ1234",),
        ("",),
        (),
        ("51A", "19222", "1"),
    ],
)
def test_what_no_plate_says_has_no_meaning(lines: tuple[str, ...]) -> None:
    assert understand(lines) is None


def test_each_number_belongs_to_one_province() -> None:
    assert len(PROVINCES) == 64  # 63 provinces of before 2025, and the central police
    assert len(set(CODES)) == len(CODES)
    assert PROVINCES["Hậu Giang"] == (95,)
    assert PROVINCES["Cần Thơ"] == (65,)


line = st.text("0123456789ABDHKMT", max_size=10)


@given(line, line)
def test_what_has_a_meaning_is_also_what_the_rows_allow(top: str, bottom: str) -> None:
    if understand((top,)) is not None:
        assert automaton("whole").accepts(top)
    if understand((top, bottom)) is not None:
        assert automaton("top").accepts(top)
        assert automaton("bottom").accepts(bottom)


@given(st.sampled_from(CODES), st.sampled_from("ABCDEFGHKLMNPSTUVXYZ"), st.integers(0, 99999))
def test_every_car_number_can_be_read(code: str, letter: str, number: int) -> None:
    text = f"{code}{letter}{number:05}"
    assert automaton("whole").accepts(text)
    meaning = understand((text,))
    assert meaning is not None
    assert meaning.text.replace("-", "").replace(".", "") == text
