"""How wide a text is, so that it is cut, wrapped or set smaller here and not by a browser."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase.ttfonts import TTFont

_FONTS: Final = Path(__file__).parents[1] / "static" / "fonts"
MOST: Final = 200
"""Signs of a text that are looked at; no tile has room for more."""

_SPARE: Final = 1.02
"""Browsers round; two per cent keep a text that just fits from being cut."""


def clean(value: object) -> str:
    """A text without what would break a line, a page or the order of its letters."""
    text = unicodedata.normalize("NFC", str(value)[: MOST * 4])
    kept = (
        " " if sign.isspace() else sign
        for sign in text
        if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join("".join(kept).split())[:MOST]


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is in the console's typeface, at a size of its letters."""
    known = _widths(bold)
    units = sum(known.get(ord(sign)) or _unknown(sign) for sign in text)
    return units / 1000 * size * _SPARE


def cut(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """As much of a text as there is room for, with "…" where something is left out."""
    if width(text, size, bold=bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(text[:middle].rstrip() + "…", size, bold=bold) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def wrap(text: str, size: float, room: float, most: int, *, bold: bool = False) -> tuple[str, ...]:
    """A text in lines; the last one is cut where there are more than so many.

    Args:
        text: Of words with single spaces.
        size: Of its letters.
        room: Width of a line.
        most: Lines, 1 or more.
        bold: Its weight.
    """
    lines: list[str] = []
    words = text.split(" ")
    while words:
        if len(lines) == most - 1:
            lines.append(cut(" ".join(words), size, room, bold=bold))
            break
        count = 1
        while count < len(words):
            if width(" ".join(words[: count + 1]), size, bold=bold) > room:
                break
            count += 1
        lines.append(cut(" ".join(words[:count]), size, room, bold=bold))
        del words[:count]
    return tuple(lines)


def _unknown(sign: str) -> int:
    """Of a sign that another typeface must draw: rather too wide than too narrow."""
    if unicodedata.combining(sign):
        return 0
    return 1050 if unicodedata.east_asian_width(sign) in "WF" else 800


@cache
def _widths(bold: bool) -> dict[int, int]:
    """Advance of each sign, in thousandths of the letters' size."""
    font = TTFont("", _FONTS / f"be-vietnam-pro-{600 if bold else 400}.ttf")
    widths: dict[int, int] = font.face.charWidths
    return widths
