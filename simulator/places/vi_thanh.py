"""Vị Thanh, Trần Hưng Đạo – Nguyễn Công Trứ: a crossing with signals, a canal along one street.

Streets, lanes and widths follow what is usual there (a lane for two-wheelers at the kerb, lanes of
3.0 to 3.3 m, a paved shoulder); they were not surveyed. Trần Hưng Đạo runs north and south through
the origin, Nguyễn Công Trứ east and west.
"""

from __future__ import annotations

import math
from typing import Final

from ioc.camera import Label
from ioc.events import Phase, VehicleClass
from simulator.camera import Lens
from simulator.place import (
    Area,
    Building,
    Head,
    Mount,
    Place,
    Point,
    RoadLine,
    Roadway,
    Stage,
    Strip,
    Watch,
)

REACH: Final = 130.0
STOP: Final = 14.0
"""Stop lines lie so far from the middle."""

_TWO_WHEELS: Final[tuple[VehicleClass, ...]] = ("motorcycle", "bicycle")


def _wide(name: str, vi: str, en: str) -> tuple[Strip, ...]:
    """Trần Hưng Đạo: two lanes for all, one for two-wheelers, a shoulder; 11.6 m."""
    return (
        Strip(f"{name}-1", 3.3, Label(vi=f"Làn trong {vi}", en=f"Inner lane {en}")),
        Strip(f"{name}-2", 3.3, Label(vi=f"Làn giữa {vi}", en=f"Middle lane {en}")),
        Strip(f"{name}-3", 3.0, Label(vi=f"Làn xe máy {vi}", en=f"Two-wheeler lane {en}"),
              vehicles=_TWO_WHEELS),
        Strip(f"{name}-4", 2.0, Label(vi=f"Lề đường {vi}", en=f"Shoulder {en}"), shoulder=True),
    )  # fmt: skip


def _narrow(name: str, vi: str, en: str) -> tuple[Strip, ...]:
    """Nguyễn Công Trứ: two lanes and a shoulder; 8.3 m."""
    return (
        Strip(f"{name}-1", 3.3, Label(vi=f"Làn trong {vi}", en=f"Inner lane {en}")),
        Strip(f"{name}-2", 3.5, Label(vi=f"Làn ngoài {vi}", en=f"Outer lane {en}")),
        Strip(f"{name}-3", 1.5, Label(vi=f"Lề đường {vi}", en=f"Shoulder {en}"), shoulder=True),
    )


def _street(
    name: str, away: Point, strips: tuple[Strip, ...], out: tuple[Strip, ...], head: str
) -> tuple[Roadway, Roadway]:
    """Both directions of the street that leaves the junction along ``away``."""
    far, near = ((away[0] * d, away[1] * d) for d in (REACH, STOP))
    return (
        Roadway(f"{name}-in", far, near, strips, True, 50.0, head),
        Roadway(f"{name}-out", near, far, out, False, 50.0),
    )


_ROADWAYS = (
    *_street("south", (0.0, -1.0), _wide("s-in", "hướng bắc", "northbound"),
             _wide("s-out", "ra phía nam", "to the south"), "head-s"),
    *_street("north", (0.0, 1.0), _wide("n-in", "hướng nam", "southbound"),
             _wide("n-out", "ra phía bắc", "to the north"), "head-n"),
    *_street("west", (-1.0, 0.0), _narrow("w-in", "hướng đông", "eastbound"),
             _narrow("w-out", "ra phía tây", "to the west"), "head-w"),
    *_street("east", (1.0, 0.0), _narrow("e-in", "hướng tây", "westbound"),
             _narrow("e-out", "ra phía đông", "to the east"), "head-e"),
)  # fmt: skip


def _stage(seconds: float, along: Phase, across: Phase) -> Stage:
    return Stage(
        seconds,
        (("head-s", along), ("head-n", along), ("head-w", across), ("head-e", across)),
    )


_CYCLE = (
    _stage(20.0, "green", "red"),
    _stage(3.0, "yellow", "red"),
    _stage(2.0, "red", "red"),
    _stage(16.0, "red", "green"),
    _stage(3.0, "red", "yellow"),
    _stage(2.0, "red", "red"),
)

_CAMERA = Mount(
    id="cam-1",
    name=Label(vi="Camera Trần Hưng Đạo, hướng bắc", en="Trần Hưng Đạo northbound camera"),
    # 5.5 m up on an arm 15 m before the stop line: sees the vehicles' rear plates, which is the
    # only one that a motorcycle has. 52 degrees across.
    lens=Lens(
        x=5.6, y=-29.0, z=5.5, heading=math.pi / 2, tilt=math.radians(24.0), focal_mm=5.5,
        sensor_mm=5.37, width=1920, height=1080, k1=-0.03,
    ),
    lanes=("s-in-1", "s-in-2", "s-in-3", "s-in-4"),
    lines=("stop-1", "stop-2", "stop-3"),
    areas=("junction",),
    turns=(),
    heads=("head-s",),
    watches=(
        Watch("red_light", travel_m=3.0, duration_s=0.3),
        Watch("stop_line", travel_m=0.6, duration_s=1.0),
        Watch("wrong_lane", travel_m=4.0, duration_s=0.6),
        Watch("wrong_way", travel_m=4.0, duration_s=0.8),
        Watch("no_helmet"),
    ),
)  # fmt: skip

VI_THANH: Final = Place(
    city="vithanh",
    site="tran-hung-dao",
    name=Label(
        vi="Ngã tư Trần Hưng Đạo – Nguyễn Công Trứ",
        en="Trần Hưng Đạo – Nguyễn Công Trứ junction",
    ),
    roadways=_ROADWAYS,
    lines=tuple(
        RoadLine(
            f"stop-{number}", "stop", ((left, -STOP), (right, -STOP)), (0.0, 1.0),
            f"s-in-{number}", "head-s",
        )
        for number, left, right in ((1, 0.0, 3.3), (2, 3.3, 6.6), (3, 6.6, 9.6))
    ),
    areas=(
        Area("junction", "junction", ((-11.6, -9.5), (11.6, -9.5), (11.6, 9.5), (-11.6, 9.5))),
    ),
    turns=(),
    heads=(
        Head("head-s", 12.3, -12.6, 2.3, -math.pi / 2),
        Head("head-n", -12.3, 12.6, 2.3, math.pi / 2),
        Head("head-w", -12.6, -12.3, 2.3, math.pi),
        Head("head-e", 12.6, 12.3, 2.3, 0.0),
    ),
    cycle=_CYCLE,
    mounts=(_CAMERA,),
    crosswalks=(
        ((-11.6, -13.0), (11.6, -13.0), (11.6, -9.8), (-11.6, -9.8)),
        ((-11.6, 9.8), (11.6, 9.8), (11.6, 13.0), (-11.6, 13.0)),
    ),
    sidewalks=(
        ((11.6, -REACH), (15.0, -REACH), (15.0, -8.3), (11.6, -8.3)),
        ((-15.0, -REACH), (-11.6, -REACH), (-11.6, -8.3), (-15.0, -8.3)),
        ((11.6, 8.3), (15.0, 8.3), (15.0, REACH), (11.6, REACH)),
        ((-15.0, 8.3), (-11.6, 8.3), (-11.6, REACH), (-15.0, REACH)),
    ),
    canals=(
        ((16.0, -REACH), (34.0, -REACH), (34.0, -9.5), (16.0, -9.5)),
        ((16.0, 9.5), (34.0, 9.5), (34.0, REACH), (16.0, REACH)),
    ),
    buildings=(
        Building(((-30.0, -60.0), (-16.0, -60.0), (-16.0, -18.0), (-30.0, -18.0)), 9.0,
                 (150, 190, 215)),
        Building(((-32.0, 16.0), (-16.0, 16.0), (-16.0, 40.0), (-32.0, 40.0)), 12.0,
                 (165, 165, 205)),
        Building(((-34.0, 44.0), (-16.0, 44.0), (-16.0, 70.0), (-34.0, 70.0)), 8.0,
                 (190, 200, 180)),
        Building(((36.0, 14.0), (52.0, 14.0), (52.0, 60.0), (36.0, 60.0)), 10.0,
                 (170, 205, 220)),
    ),
    trees=((14.0, -34.0), (14.2, -19.0), (14.2, 16.0), (14.0, 30.0), (-14.0, 20.0), (-14.0, 34.0)),
    lamps=((13.6, -24.0), (13.6, 14.0), (-13.6, -12.5), (-13.6, 14.0)),
)  # fmt: skip
