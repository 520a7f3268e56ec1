"""The seven screens of the wall, in the order in which it shows them."""

from __future__ import annotations

from typing import Final

from dashboards.screen import Screen
from dashboards.screens import (
    environment,
    government,
    infrastructure,
    overview,
    security,
    traffic,
    violations,
)

SCREENS: Final[tuple[Screen, ...]] = (
    overview.SCREEN,
    traffic.SCREEN,
    violations.SCREEN,
    environment.SCREEN,
    infrastructure.SCREEN,
    government.SCREEN,
    security.SCREEN,
)
