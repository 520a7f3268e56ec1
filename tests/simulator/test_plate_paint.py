"""Number plates as painted."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.shapes.plate import SIZES, line_width, plate_texture, shape_of
from simulator.traffic.registration import Registry
from simulator.world import PlateSign


@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        (("95-B1", "123.45"), "motorcycle"),
        (("64-M9", "4444"), "motorcycle"),
        (("81-AA", "048.92"), "motorcycle"),
        (("29-MĐ1", "888.88"), "motorcycle"),
        (("95A", "123.45"), "short"),
        (("65C", "0042"), "short"),
        (("95LD", "888.88"), "short"),
        (("95A-123.45",), "long"),
        (("80NG-888.88",), "long"),
    ],
)
@pytest.mark.parametrize("colour", ["white", "yellow", "blue"])
def test_every_format_is_painted_within_its_border(
    lines: tuple[str, ...], shape: str, colour: str
) -> None:
    sign = PlateSign(lines, " ".join(lines), colour)  # type: ignore[arg-type]
    assert shape_of(sign) == shape
    picture = plate_texture(sign)
    width, height = SIZES[shape_of(sign)]
    assert picture.shape[1] / picture.shape[0] == pytest.approx(width / height, rel=0.01)
    assert picture.shape[1] >= 400
    # Between border and text there is a bare strip on all sides (the stamp is neither's colour).
    scale = picture.shape[1] / width
    ground = np.median(picture.reshape(-1, 3), axis=0)
    letters = np.abs(picture.astype(int) - ground).sum(axis=2) > 330
    inside = letters[round(0.0075 * scale) : -round(0.0075 * scale)]
    inside = inside[:, round(0.0075 * scale) : -round(0.0075 * scale)]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert columns[0] >= 2
    assert columns[-1] <= inside.shape[1] - 3
    assert rows[0] >= 2
    assert rows[-1] <= inside.shape[0] - 3
    # The text is in the middle and fills the plate as a stamped one does.
    assert columns[0] == pytest.approx(inside.shape[1] - 1 - columns[-1], abs=0.02 * len(columns))
    assert len(rows) > 0.5 * inside.shape[0]


def test_the_ground_has_the_colour_of_the_plates_kind() -> None:
    for colour, channel in (("white", None), ("yellow", "yellow"), ("blue", "blue")):
        sign = PlateSign(("95A-123.45",), "95A-123.45", colour)  # type: ignore[arg-type]
        blue, green, red = np.median(plate_texture(sign).reshape(-1, 3), axis=0)
        if channel is None:
            assert min(blue, green, red) > 220
        elif channel == "yellow":
            assert red > 200
            assert green > 150
            assert blue < 90
        else:
            assert blue > 130
            assert red < 60


def test_different_numbers_look_different_and_noughts_are_open() -> None:
    one = plate_texture(PlateSign(("95A-000.00",), "x"))
    other = plate_texture(PlateSign(("95A-888.88",), "y"))
    assert np.abs(one.astype(int) - other).mean() > 3
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 0


def test_all_that_the_registry_gives_fits() -> None:
    registry = Registry(np.random.default_rng(3))
    for number in range(60):
        sign = registry.sign(("motorcycle", "car", "truck", "bus")[number % 4])
        assert sign is not None
        shape = shape_of(sign)
        for line in sign.lines:
            # At most a tenth narrower than usual.
            assert line_width(line, shape) < 1.15 * SIZES[shape][0]
        assert plate_texture(sign).dtype == np.uint8
