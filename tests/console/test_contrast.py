"""Colours of the screens, from the style sheet itself, against WCAG 2.2 AA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.render import STATIC

TEXT_ON_GROUND = [
    ("text", "ground"),
    ("text", "card"),
    ("text", "sunk"),
    ("quiet", "ground"),
    ("quiet", "card"),
    ("quiet", "sunk"),
    ("link", "ground"),
    ("link", "card"),
    ("accent-text", "accent"),
    ("good", "good-ground"),
    ("bad", "bad-ground"),
    ("bad", "ground"),
    ("bad", "card"),
    ("warn", "warn-ground"),
]
SEEN_ON_GROUND = [("focus", "ground"), ("focus", "card"), ("quiet", "ground"), ("accent", "ground")]


def colours() -> dict[str, tuple[str, str]]:
    """Name → its light and its dark colour."""
    text = Path(STATIC / "console.css").read_text(encoding="utf-8")
    found = {}
    for name, value in re.findall(r"--([a-z-]+): ([^;]+);", text):
        both = re.findall(r"#[0-9a-f]{6}", value)
        found[name] = (both[0], both[-1])
    return found


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, definition)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_and_parts_be_seen(theme: int) -> None:
    known = colours()
    for text, ground in TEXT_ON_GROUND:
        ratio = contrast(known[text][theme], known[ground][theme])
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"
    for part, ground in SEEN_ON_GROUND:
        ratio = contrast(known[part][theme], known[ground][theme])
        assert ratio >= 3, f"{part} on {ground}: {ratio:.2f}"


def test_the_formula_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
