"""Letters that can be read from where people sit, and tiles that fill a screen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageFont

from console.render import STATIC
from console.screens import sizes
from console.screens.letters import clean, cut, width, wrap
from console.screens.sizes import CELL_HEIGHT, CELL_WIDTH, COLUMNS, FIGURES, ROWS, places
from console.screens.values import Look
from dashboards.screens import SCREENS
from dashboards.screens.overview import CITIES
from tests.console.screens.tiles import EN, VI, answer, drawn
from tests.console.test_contrast import contrast

CSS = (STATIC / "screens.css").read_text("utf-8")


def test_heights_of_letters_are_those_of_the_tables() -> None:
    # height = distance × tan(minutes of arc): 3, 5 and 8 m, as ISO 9241-303 is usually quoted.
    for metres, least, good in ((3, 14, 17), (5, 23, 29), (8, 37, 47)):
        assert round(sizes.letter_mm(metres, 16)) == least
        assert round(sizes.letter_mm(metres, 20)) == good
    # On a panel of 1210 mm with 1920 columns, capitals of 0.74 em.
    for size, millimetres in ((sizes.FIGURE, 29), (sizes.FROM_AFAR, 23), (sizes.DETAIL, 13.9)):
        assert size * 0.74 * 1210 / 1920 >= millimetres
        assert (size - 1) * 0.74 * 1210 / 1920 < sizes.letter_mm(5, 20) * millimetres / 29 + 0.1


@pytest.mark.parametrize("weight", [400, 600])
def test_the_typeface_is_as_high_and_as_wide_as_computed(weight: int) -> None:
    font = ImageFont.truetype(STATIC / f"fonts/be-vietnam-pro-{weight}.ttf", 1000)
    _, top, _, bottom = font.getbbox("H", anchor="ls")
    assert (bottom - top) / 1000 == sizes.CAPITAL
    for text in ("Ngã tư Trần Hưng Đạo", "1.234,5", "µg/m³"):
        units = font.getlength(text, features=["-kern"])
        wide = width(text, 1000, bold=weight == 600)
        assert units < wide < units * 1.03


def test_the_style_sheet_has_each_size_and_place() -> None:
    for size in FIGURES:
        found = re.search(rf"\.f{size} {{ font-size: ([\d.]+)rem; }}", CSS)
        assert found and float(found[1]) * 16 == size
    for axis, count, prop, cell in (
        ("x", COLUMNS, "left", CELL_WIDTH), ("y", ROWS, "top", CELL_HEIGHT),
    ):  # fmt: skip
        for n in range(count):
            found = re.search(rf"\.{axis}{n} {{ {prop}: ([\d.]+)rem; }}", CSS)
            assert found and float(found[1]) * 16 == n * cell, (axis, n)
    for axis, count, prop, cell in (
        ("w", COLUMNS, "width", CELL_WIDTH), ("h", ROWS, "height", CELL_HEIGHT),
    ):  # fmt: skip
        for n in range(1, count + 1):
            found = re.search(rf"\.{axis}{n} {{ {prop}: ([\d.]+)rem; }}", CSS)
            assert found and float(found[1]) * 16 == n * cell - 10, (axis, n)


def test_every_screen_is_filled_and_nothing_lies_over_anything() -> None:
    for screen in SCREENS:
        taken = set()
        found = places([tile.size for tile in screen.tiles])
        for tile, (column, row) in zip(screen.tiles, found, strict=True):
            for x in range(column, column + tile.size[0]):
                for y in range(row, row + tile.size[1]):
                    assert (x, y) not in taken and x < COLUMNS and y < ROWS
                    taken.add((x, y))
        assert len(taken) == COLUMNS * ROWS, screen.uid


def test_tiles_lie_in_reading_order() -> None:
    assert places([(12, 4), (12, 4), (24, 8)]) == ((0, 0), (12, 0), (0, 4))
    assert places([(12, 8), (12, 4), (12, 4), (24, 4)]) == ((0, 0), (12, 0), (12, 4), (0, 8))
    with pytest.raises(ValueError, match="tile 2 of 24×8"):
        places([(24, 8), (24, 8)])


def test_texts_are_cut_and_wrapped_by_their_width() -> None:
    name = "Ngã tư Trần Hưng Đạo – Nguyễn Công Trứ"
    assert cut(name, 30, 5000) == name
    short = cut(name, 30, 200)
    assert short.endswith("…") and name.startswith(short[:-1])
    assert width(short, 30) <= 200 < width(name[: len(short) + 1] + "…", 30)
    lines = wrap(name, 30, 300, 3)
    assert " ".join(lines) == name and len(lines) == 3
    assert all(width(line, 30) <= 300 for line in lines)
    assert wrap(name, 30, 300, 1)[0].endswith("…")


@given(st.text(max_size=300), st.floats(1, 2000), st.integers(1, 4))
def test_no_text_is_wider_than_its_room(text: str, room: float, most: int) -> None:
    told = clean(text)
    assert "\n" not in told and told == told.strip()
    told.encode("utf-8")
    short = cut(told, 30, room)
    assert short == "" or width(short, 30) <= room
    lines = wrap(told, 30, room, most)
    assert len(lines) <= most and all(width(line, 30) <= room for line in lines)


def test_what_turns_text_around_or_ends_it_is_left_out() -> None:
    assert clean("a\u202eb\x00c\ud800d\u200be\n f\t") == "abcde f"
    assert clean("Tra\u0302\u0300n") == "Trần"


def variables(pattern: str) -> dict[str, tuple[str, str]]:
    found = re.findall(rf"--({pattern}): light-dark\((#[0-9a-f]{{6}}), (#[0-9a-f]{{6}})\)", CSS)
    return {name: (light, dark) for name, light, dark in found}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_lines_can_be_told_from_the_ground_and_numbers_be_read_on_every_grey(theme: int) -> None:
    from tests.console.test_contrast import colours

    known = colours()
    lines = variables("c[0-5]")
    assert len(lines) == 6
    for name, value in lines.items():
        assert contrast(value[theme], known["card"][theme]) >= 4.5, name
    greys = variables("q[0-8]")
    assert len(greys) == 9
    for name, value in greys.items():
        ink = known["card" if name >= "q5" else "text"][theme]
        assert contrast(ink, value[theme]) >= 4.5, name
    steps = [contrast(greys[f"q{n}"][theme], known["ground"][theme]) for n in range(9)]
    assert steps == sorted(steps)  # the more, the farther from the ground


def test_there_are_no_other_colours() -> None:
    own = re.sub(r"light-dark\([^)]*\)", "", CSS)
    assert not re.search(r"#[0-9a-f]{3,8}\b", own.replace("#help", "").replace("#paused", ""))
    assert set(re.findall(r"rgba?\([^)]*\)|hsl", own)) == {"rgb(0 0 0 / .6)"}  # behind the help


@pytest.mark.parametrize("look", [VI, EN], ids=["vi", "en"])
def test_the_overview_has_room_for_both_cities(look: Look) -> None:
    row = {
        "level": 4, "congested": 12, "junctions": 40, "alerts": 15, "heard": 120, "devices": 184,
        "state": "alarm",
    }  # fmt: skip
    given = answer(CITIES, {"name": "Vị Thanh", **row}, {"name": "Ngã Bảy", **row})
    shown = drawn(CITIES, given, look)
    assert len(shown.all("tbody")) == 2 and shown.all(".more") == []
