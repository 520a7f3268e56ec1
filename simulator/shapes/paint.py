"""Paint of road users: colours, lamps, how faces are divided; and picks that follow a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from zlib import crc32

Colour = tuple[int, int, int]
Ink = tuple[Colour, int]
"""Paint of a face: blue, green, red, and its glow."""
T = TypeVar("T")

PLAIN: Final = 0
HEAD_LAMP: Final = 1
TAIL_LAMP: Final = 2
BRAKE_LAMP: Final = 3

BLACK: Final[Colour] = (28, 27, 26)
RUBBER: Final[Colour] = (34, 32, 31)
STEEL: Final[Colour] = (150, 148, 146)
GLASS: Final[Colour] = (66, 56, 48)
LAMP: Final[Colour] = (235, 240, 240)
RED_LAMP: Final[Colour] = (38, 30, 170)
AMBER: Final[Colour] = (30, 130, 225)


@dataclass(frozen=True, slots=True)
class Choice:
    """Picks that depend on a road user's look alone, each independent of the others."""

    look: int

    def share(self, what: str) -> float:
        """A number in [0, 1) that is always the same for this look and name."""
        # A CRC is linear: two names of one length would give picks that always go together. The
        # multiplications (those of murmur3's last step) break that.
        value = crc32(f"{self.look}:{what}".encode())
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
            value = ((value ^ (value >> shift)) * factor) & 0xFFFFFFFF
        return (value ^ (value >> 16)) / 2**32

    def pick(self, what: str, options: Sequence[T]) -> T:
        """One of some options, all as likely."""
        return options[int(self.share(what) * len(options))]


@dataclass(frozen=True, slots=True)
class Paint:
    """How a four-sided face is divided into cells, and the ink of each.

    Attributes:
        rows: A letter for each cell, the top row first.
        across: Where the columns end, as shares of the width; even when empty.
        up: Where the rows end, from the bottom, as shares of the height; even when empty.
    """

    rows: tuple[str, ...]
    across: tuple[float, ...] = ()
    up: tuple[float, ...] = ()


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (factor < 1) or lighter (> 1) colour."""
    blue, green, red = (min(255, max(0, round(part * factor))) for part in colour)
    return blue, green, red


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two; share 0 is the first."""
    blue, green, red = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return blue, green, red
