"""What a Vietnamese number plate may say: forms of lines, province numbers, series letters.

Sources: Thông tư 24/2023/TT-BCA and 79/2024/TT-BCA (series, colours, layouts) and the province
numbers of their annexes. Old forms that are still on the road are kept: four-digit numbers, and
the plates of provinces that were merged in 2025, whose numbers stay valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from ioc.events import PlateColour

Kind = Literal["car", "motorcycle", "military", "diplomatic", "temporary"]
Row = Literal["whole", "top", "bottom"]
"""A one-line plate, or the upper or lower line of a two-line plate."""

PROVINCES: Final[dict[str, tuple[int, ...]]] = {
    "Cao Bằng": (11,),
    "Lạng Sơn": (12,),
    "Quảng Ninh": (14,),
    "Hải Phòng": (15, 16),
    "Thái Bình": (17,),
    "Nam Định": (18,),
    "Phú Thọ": (19,),
    "Thái Nguyên": (20,),
    "Yên Bái": (21,),
    "Tuyên Quang": (22,),
    "Hà Giang": (23,),
    "Lào Cai": (24,),
    "Lai Châu": (25,),
    "Sơn La": (26,),
    "Điện Biên": (27,),
    "Hòa Bình": (28,),
    "Hà Nội": (29, 30, 31, 32, 33, 40),
    "Hải Dương": (34,),
    "Ninh Bình": (35,),
    "Thanh Hóa": (36,),
    "Nghệ An": (37,),
    "Hà Tĩnh": (38,),
    "Đồng Nai": (39, 60),
    "Thành phố Hồ Chí Minh": (41, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59),
    "Đà Nẵng": (43,),
    "Đắk Lắk": (47,),
    "Đắk Nông": (48,),
    "Lâm Đồng": (49,),
    "Bình Dương": (61,),
    "Long An": (62,),
    "Tiền Giang": (63,),
    "Vĩnh Long": (64,),
    "Cần Thơ": (65,),
    "Đồng Tháp": (66,),
    "An Giang": (67,),
    "Kiên Giang": (68,),
    "Cà Mau": (69,),
    "Tây Ninh": (70,),
    "Bến Tre": (71,),
    "Bà Rịa - Vũng Tàu": (72,),
    "Quảng Bình": (73,),
    "Quảng Trị": (74,),
    "Thừa Thiên Huế": (75,),
    "Quảng Ngãi": (76,),
    "Bình Định": (77,),
    "Phú Yên": (78,),
    "Khánh Hòa": (79,),
    "Trung ương": (80,),
    "Gia Lai": (81,),
    "Kon Tum": (82,),
    "Sóc Trăng": (83,),
    "Trà Vinh": (84,),
    "Ninh Thuận": (85,),
    "Bình Thuận": (86,),
    "Vĩnh Phúc": (88,),
    "Hưng Yên": (89,),
    "Hà Nam": (90,),
    "Quảng Nam": (92,),
    "Bình Phước": (93,),
    "Bạc Liêu": (94,),
    "Hậu Giang": (95,),
    "Bắc Kạn": (97,),
    "Bắc Giang": (98,),
    "Bắc Ninh": (99,),
}
"""Numbers by province, as they were given out; 80 is the central traffic police."""

CODES: Final = tuple(sorted(str(code) for codes in PROVINCES.values() for code in codes))
LETTERS: Final = "ABCDEFGHKLMNPSTUVXYZ"
"""The twenty series letters; R is for trailers only, and I, J, O, Q, W are never used."""
DIGITS: Final = "0123456789"
CAR_PAIRS: Final = ("CD", "CV", "DA", "HC", "KT", "LD", "MK", "NG", "NN", "QT", "RM", "TĐ")
DIPLOMATIC: Final = ("CV", "NG", "NN", "QT")
MILITARY: Final = (
    *("AA", "AB", "AC", "AD", "AN", "AP", "AT", "AV"),
    *("BB", "BC", "BH", "BK", "BL", "BP", "BS", "BT"),
    *("HA", "HB", "HC", "HD", "HE", "HH", "HN", "HQ", "HT"),
    *("KA", "KB", "KC", "KD", "KK", "KN", "KP", "KT", "KV"),
    *("PA", "PC", "PG", "PK", "PM", "PP", "PQ", "PT", "PX", "PY"),
    *("QA", "QB", "QH", "QM", "QP", "TC", "TH", "TK", "TM", "TN", "TT", "VB", "VK", "VT"),
)
"""First letters of military plates: two letters say the unit's arm."""

ELECTRIC: Final = tuple(f"MĐ{digit}" for digit in DIGITS[1:])
"""Series of electric motorcycles."""

Pattern = tuple[tuple[str, ...], ...]
"""A line: of each of its groups the words that it may be; ``#`` in a word is any digit."""

_SINGLES = (*LETTERS, "R")
_SERIES = (*_SINGLES, *CAR_PAIRS)
# Two letters: mopeds up to 50 cm3 at first (AA), since 2023 any motorcycle when the numbers with a
# letter and a digit are used up. "MĐ" and a digit: electric ones.
_BIKES = (
    *(letter + digit for letter in LETTERS for digit in DIGITS[1:]),
    *(first + second for first in LETTERS for second in LETTERS),
    *ELECTRIC,
)
_NUMBER = ("#####", "####")
_CIVIL: tuple[PlateColour, ...] = ("white", "blue", "yellow")


@dataclass(frozen=True, slots=True)
class Form:
    """A layout of plates.

    Attributes:
        kind: What carries it.
        lines: Pattern of each line.
        shape: The text with its printed separators; ``{n}`` is the n-th group, lines in order.
        colours: Backgrounds that it may have.
        cut: After how many digits a number is parted.
        mark: What parts a number.
    """

    kind: Kind
    lines: tuple[Pattern, ...]
    shape: str
    colours: tuple[PlateColour, ...]
    cut: int = 3
    mark: str = "."


FORMS: Final[tuple[Form, ...]] = (
    Form("diplomatic", ((("80",), DIPLOMATIC, ("#####",)),), "{0}-{1}-{2}", ("white",), 3, "-"),
    Form("diplomatic", ((("80",), DIPLOMATIC), (("#####",),)), "{0}-{1} {2}", ("white",), 3, "-"),
    Form("car", ((CODES, _SERIES, _NUMBER),), "{0}{1}-{2}", _CIVIL),
    Form("car", ((CODES, _SERIES), (_NUMBER,)), "{0}{1} {2}", _CIVIL),
    Form("motorcycle", ((CODES, _BIKES), (_NUMBER,)), "{0}-{1} {2}", _CIVIL),
    Form("military", ((MILITARY, ("####",)),), "{0}-{1}", ("red",), 2, "-"),
    Form("military", ((MILITARY,), (("####",),)), "{0} {1}", ("red",), 2, "-"),
    Form("temporary", ((("T",), CODES, ("#####",)),), "{0}{1}-{2}", ("white",)),
    Form("temporary", ((("T",), CODES), (("#####",),)), "{0}{1} {2}", ("white",)),
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the characters of a plate mean.

    Attributes:
        text: As printed, with separators: ``51H-040.73``, ``78-H1 046.52``.
        kind: What carries such a plate.
        colours: Backgrounds that it may have.
    """

    text: str
    kind: Kind
    colours: tuple[PlateColour, ...]


class Automaton:
    """The lines that some patterns allow, character by character. State 0 is the empty line.

    States are made when they are first reached: spelt out, the tops of motorcycle plates alone are
    35 000 words.
    """

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self._patterns = patterns
        start = frozenset(
            (word, row, 1) for row, pattern in enumerate(patterns) for word in pattern[0]
        )
        self._parts: list[frozenset[tuple[str, int, int]]] = [start]
        self._numbers = {start: 0}
        self._steps: dict[tuple[int, str], int] = {}

    def step(self, state: int, character: str) -> int:
        """The state after one more character; -1 where no line goes on like that."""
        known = self._steps.get((state, character))
        if known is None:
            known = self._steps[state, character] = self._make(state, character)
        return known

    def ends(self, state: int) -> bool:
        """Whether a line may end here."""
        return state >= 0 and any(not word for word, _, _ in self._parts[state])

    def accepts(self, line: str) -> bool:
        """Whether a line may say this."""
        state = 0
        for character in line:
            state = self.step(state, character)
            if state < 0:
                return False
        return self.ends(state)

    def _make(self, state: int, character: str) -> int:
        reached = set()
        for word, row, group in self._parts[state]:
            if not word or not _fits(word[0], character):
                continue
            if len(word) > 1 or group == len(self._patterns[row]):
                reached.add((word[1:], row, group))
            else:
                reached.update((after, row, group + 1) for after in self._patterns[row][group])
        if not reached:
            return -1
        key = frozenset(reached)
        number = self._numbers.setdefault(key, len(self._parts))
        if number == len(self._parts):
            self._parts.append(key)
        return number


@lru_cache(maxsize=3)
def automaton(row: Row) -> Automaton:
    """The lines that may stand in a row of a plate."""
    length, index = (1, 0) if row == "whole" else (2, ("top", "bottom").index(row))
    return Automaton(tuple(form.lines[index] for form in FORMS if len(form.lines) == length))


@lru_cache(maxsize=4096)
def understand(lines: tuple[str, ...]) -> Meaning | None:
    """What the lines of a plate say together; None for what no plate says.

    Args:
        lines: Characters without separators, ``Đ`` as ``D``, the upper line first.
    """
    for form in FORMS:
        if len(form.lines) != len(lines):
            continue
        groups: list[str] = []
        for pattern, line in zip(form.lines, lines, strict=True):
            parts = _split(pattern, line)
            if parts is None:
                break
            groups += parts
        else:
            number = groups[-1]
            # A civil number of four digits (until 2010) has no mark.
            if len(number) > form.cut and (len(number) == 5 or form.cut == 2):
                groups[-1] = number[: form.cut] + form.mark + number[form.cut :]
            return Meaning(form.shape.format(*groups), form.kind, form.colours)
    return None


def _split(pattern: Pattern, line: str) -> list[str] | None:
    if not pattern:
        return None if line else []
    for word in pattern[0]:
        head, tail = line[: len(word)], line[len(word) :]
        if len(head) == len(word) and all(map(_fits, word, head)):
            rest = _split(pattern[1:], tail)
            if rest is not None:
                return [word if "Đ" in word else head, *rest]
    return None


def _fits(wanted: str, character: str) -> bool:
    if wanted == "#":
        return character in DIGITS
    # No two plates differ by the stroke of Đ alone, and a recogniser hardly sees it.
    return character == ("D" if wanted == "Đ" else wanted)
