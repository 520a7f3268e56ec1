"""Number plates: registrations as they are given out in the Mekong delta.

Layouts and colours after Thông tư 24/2023/TT-BCA and 79/2024/TT-BCA: white for private, yellow for
commercial, blue for state vehicles; numbers of four digits are from before 2010 and still valid.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from ioc.events import VehicleClass
from simulator.world import PlateSign

CODES: Final[dict[str, float]] = {
    "95": 0.62, "65": 0.17, "64": 0.05, "83": 0.05, "94": 0.04, "68": 0.03, "84": 0.02, "66": 0.02,
}  # fmt: skip
"""Shares of provinces on the roads of Hậu Giang (95): Cần Thơ, Vĩnh Long, Sóc Trăng, Bạc Liêu …"""

LETTERS: Final = "ABCDEFGHKLMNPSTUVXYZ"
"""Letters that series have; I, J, O, Q, R and W are not used."""

CAR_PAIRS: Final = ("CD", "CV", "DA", "HC", "KT", "LD", "MK", "NG", "NN", "QT", "RM", "TD")
"""Pairs of letters that cars have; motorcycles are not given them."""

_CAR_SERIES: Final[dict[VehicleClass, str]] = {
    "car": "AAAAAAEFGH", "bus": "BBBF", "truck": "CCCCDH",
}  # fmt: skip
_YELLOW: Final[dict[VehicleClass, float]] = {"car": 0.12, "bus": 0.9, "truck": 0.6}
_BLUE: Final[dict[VehicleClass, float]] = {"car": 0.05, "bus": 0.02, "truck": 0.02}
_OLD: Final = 0.12
"""Share of numbers of four digits among motorcycles; of cars a third of it is left."""


class Registry:
    """Gives each vehicle of a clip a registration of its own."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def sign(self, kind: VehicleClass) -> PlateSign | None:
        """A plate for a vehicle; None for what has none (bicycles, people on foot)."""
        while True:
            plate = self._draw(kind)
            if plate is None or plate.text not in self._given:
                break
        if plate is not None:
            self._given.add(plate.text)
        return plate

    def _draw(self, kind: VehicleClass) -> PlateSign | None:
        rng = self._rng
        code = str(rng.choice(list(CODES), p=list(CODES.values())))
        if kind in ("motorcycle", "three_wheeler"):
            number = self._number(_OLD)
            letter = LETTERS[int(rng.integers(len(LETTERS)))]
            # Since 2023 two letters, where the series with a digit are used up.
            if rng.random() < 0.1:
                second = LETTERS[int(rng.integers(len(LETTERS)))]
            else:
                second = str(rng.integers(1, 10))
            if letter + second in CAR_PAIRS:
                second = "A"
            top = f"{code}-{letter}{second}"
            return PlateSign((top, number), f"{top} {number}")
        if kind not in _CAR_SERIES:
            return None
        number = self._number(_OLD / 3)
        series = _CAR_SERIES[kind]
        top = code + series[int(rng.integers(len(series)))]
        draw = rng.random()
        colour: Literal["white", "yellow", "blue"] = (
            "yellow" if draw < _YELLOW[kind]
            else "blue" if draw < _YELLOW[kind] + _BLUE[kind]
            else "white"
        )  # fmt: skip
        # Lorries have the short plate of two lines at the rear, half of the cars too.
        if rng.random() < {"car": 0.45, "truck": 0.8, "bus": 0.6}.get(kind, 0.5):
            return PlateSign((top, number), f"{top} {number}", colour)
        return PlateSign((f"{top}-{number}",), f"{top}-{number}", colour)

    def _number(self, old: float) -> str:
        if self._rng.random() < old:
            return f"{self._rng.integers(1, 10_000):04d}"
        digits = f"{self._rng.integers(1, 100_000):05d}"
        return f"{digits[:3]}.{digits[3:]}"
