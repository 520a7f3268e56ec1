"""Where tiles lie on a screen, and how high letters must be to be read from where people sit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1920
HEIGHT: Final = 1080
"""Of the screen that everything is laid out for; others are that one, larger or smaller."""

PANEL_MM: Final = 1210.0
"""Width of a 55-inch panel, of which walls are built."""

CAPITAL: Final = 0.74
"""Height of a capital of Be Vietnam Pro in parts of the size of its letters."""

COMFORT: Final = 20.0
LEAST: Final = 16.0
"""Minutes of arc that letters should fill, and the least to be read with ease (ISO 9241-303)."""

FAR_M: Final = 5.0
NEAR_M: Final = 3.0
"""Where operators sit, and where one stands who looks into the details."""


def letter_mm(distance_m: float, minutes: float) -> float:
    """How high a letter is that fills so many minutes of arc.

    Args:
        distance_m: From where it is read, metres.
        minutes: Of arc.
    """
    return distance_m * 1000 * math.tan(math.radians(minutes / 60))


def letters_px(height_mm: float) -> int:
    """The size of letters whose capitals are at least so high on the panel."""
    return math.ceil(height_mm / PANEL_MM * WIDTH / CAPITAL)


FIGURE: Final = letters_px(letter_mm(FAR_M, COMFORT))
"""What a screen is hung up for: 29 mm."""

FROM_AFAR: Final = letters_px(letter_mm(FAR_M, LEAST))
"""What must be read from 5 m: 23 mm."""

DETAIL: Final = letters_px(letter_mm(NEAR_M, LEAST))
"""Nothing is smaller: 14 mm."""

LADDER: Final = (FROM_AFAR, 44, 38, 34, DETAIL)
"""Sizes of rows; the largest is taken at which nothing is left out."""

FIGURES: Final = (150, 128, 110, 96, 84, 74, FIGURE, 56, *LADDER)
"""Sizes of figures likewise."""

COLUMNS: Final = 24
ROWS: Final = 12
CELL_WIDTH: Final = 79
CELL_HEIGHT: Final = 82
HEAD: Final = 78
"""Above the tiles: what the screen is, and the time."""

_AROUND: Final = (48, 28)
"""What margin, frame and padding of a tile take of its width and height."""

TITLE: Final = 50
"""Height of the line with a tile's title."""

SECOND: Final = 42
"""Height of a second line, in a tile too narrow to tell its state and age beside its title."""


@dataclass(frozen=True, slots=True)
class Box:
    """Room for a drawing."""

    width: float
    height: float

    def less(self, height: float) -> Box:
        """Without a strip of this height."""
        return Box(self.width, max(1.0, self.height - height))


def inside(size: tuple[int, int]) -> Box:
    """The room inside a tile's frame, its title with it."""
    width, height = size
    return Box(max(1, width * CELL_WIDTH - _AROUND[0]), max(1, height * CELL_HEIGHT - _AROUND[1]))


def places(sizes: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Column and row of each tile: in reading order, wherever there is room first.

    Args:
        sizes: Width and height of the tiles, cells.

    Raises:
        ValueError: They do not fit on one screen.
    """
    taken: set[tuple[int, int]] = set()
    found = []
    for number, (width, height) in enumerate(sizes):
        for row in range(ROWS - height + 1):
            for column in range(COLUMNS - width + 1):
                cells = {(column + x, row + y) for x in range(width) for y in range(height)}
                if not cells & taken:
                    break
            else:
                continue
            break
        else:
            raise ValueError(f"tile {number + 1} of {width}×{height} cells has no place left")
        taken |= cells
        found.append((column, row))
    return tuple(found)
