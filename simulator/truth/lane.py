"""How far a lane goes that a camera's site file draws, in metres."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.place import Mount, Place, Point

BESIDE_M: Final = 0.2
"""A lane goes on in another when their edges lie no farther beside each other."""

MOUTH_M: Final = 30.0
"""And when the junction between them is no wider."""


def reach(place: Place, mount: Mount, name: str) -> float:
    """How far along its roadway a lane goes, metres.

    To the roadway's end; and on to where it goes on straight across the junction, if the camera
    draws that lane too: an installer draws a lane through where only a side street joins.
    """
    road = place.roadway_of(name)
    left, right = road.offset(name)
    found = road.length
    for other in mount.lanes if road.inbound else ():
        after = place.roadway_of(other)
        if after.inbound or float(after.along @ road.along) < 0.999:
            continue
        ends = [np.asarray(after.at(0.0, side)) for side in after.offset(other)]
        off = np.array(ends) - np.asarray(road.start)
        ux, uy = road.along
        beside = off @ [uy, -ux]
        ahead = float((off @ [ux, uy]).max())
        gap = ahead - road.length
        if np.abs(beside - [left, right]).max() <= BESIDE_M and 0 < gap <= MOUTH_M:
            found = ahead
    return found


def lane_outline(place: Place, mount: Mount, name: str) -> tuple[Point, ...]:
    """The corners of a lane, metres."""
    road, far = place.roadway_of(name), reach(place, mount, name)
    left, right = road.offset(name)
    return road.at(0.0, left), road.at(far, left), road.at(far, right), road.at(0.0, right)


def middle_line(place: Place, mount: Mount, name: str) -> tuple[Point, Point]:
    """The middle of a lane along its way, metres."""
    road = place.roadway_of(name)
    right = sum(road.offset(name)) / 2
    return road.at(0.0, right), road.at(reach(place, mount, name), right)
