"""Ngã Bảy, Hùng Vương along the canal, where the street of the market joins it: no signals.

Widths follow what is usual there; they were not surveyed. Hùng Vương runs east and west through
the origin, the canal lies south of it, the market street leaves to the north.
"""

from __future__ import annotations

import math
from typing import Final

from ioc.camera import Label
from simulator.camera import Lens
from simulator.place import (
    Area,
    Building,
    ForbiddenTurn,
    Mount,
    Place,
    RoadLine,
    Roadway,
    Strip,
    Watch,
)

REACH: Final = 140.0
MOUTH: Final = 7.0
"""The roadways of Hùng Vương end so far from the middle."""
KERB: Final = 9.2

_EAST = (
    Strip("eb-1", 3.3, Label(vi="Làn trong hướng đông", en="Inner lane eastbound")),
    Strip("eb-2", 3.5, Label(vi="Làn ngoài hướng đông", en="Outer lane eastbound")),
    Strip("eb-3", 2.4, Label(vi="Lề đường hướng đông", en="Shoulder eastbound"), shoulder=True),
)
_WEST = (
    Strip("wb-1", 3.3, Label(vi="Làn trong hướng tây", en="Inner lane westbound")),
    Strip("wb-2", 3.5, Label(vi="Làn ngoài hướng tây", en="Outer lane westbound")),
    Strip("wb-3", 2.4, Label(vi="Lề đường hướng tây", en="Shoulder westbound"), shoulder=True),
)

_ROADWAYS = (
    Roadway("west-in", (-REACH, 0.0), (-MOUTH, 0.0), _EAST, True, 50.0),
    Roadway(
        "east-out", (MOUTH, 0.0), (REACH, 0.0),
        (
            Strip("eo-1", 3.3, Label(vi="Làn trong ra phía đông", en="Inner lane to the east")),
            Strip("eo-2", 3.5, Label(vi="Làn ngoài ra phía đông", en="Outer lane to the east")),
            Strip("eo-3", 2.4, Label(vi="Lề đường phía đông", en="Shoulder to the east"),
                  shoulder=True),
        ),
        False, 50.0,
    ),
    Roadway("east-in", (REACH, 0.0), (MOUTH, 0.0), _WEST, True, 50.0),
    Roadway(
        "west-out", (-MOUTH, 0.0), (-REACH, 0.0),
        (
            Strip("wo-1", 3.3, Label(vi="Làn trong ra phía tây", en="Inner lane to the west")),
            Strip("wo-2", 3.5, Label(vi="Làn ngoài ra phía tây", en="Outer lane to the west")),
            Strip("wo-3", 2.4, Label(vi="Lề đường phía tây", en="Shoulder to the west"),
                  shoulder=True),
        ),
        False, 50.0,
    ),
    Roadway("north-in", (0.0, 90.0), (0.0, KERB + 1.0),
            (Strip("ni-1", 4.0, Label(vi="Đường chợ đi ra", en="Market street outbound")),),
            True, 30.0),
    Roadway("north-out", (0.0, KERB + 1.0), (0.0, 90.0),
            (Strip("no-1", 4.0, Label(vi="Đường chợ đi vào", en="Market street inbound")),),
            False, 30.0),
)  # fmt: skip

_CAMERA = Mount(
    id="cam-1",
    name=Label(vi="Camera Hùng Vương, hướng đông", en="Hùng Vương eastbound camera"),
    # 7 m up at the canal's kerb, looking along Hùng Vương and into the mouth of the market street;
    # 60 degrees across.
    lens=Lens(
        x=-26.0, y=-10.2, z=7.0, heading=math.radians(20.0), tilt=math.radians(25.0),
        focal_mm=4.65, sensor_mm=5.37, width=1920, height=1080, k1=-0.04,
    ),
    lanes=("eb-1", "eb-2", "eb-3", "eo-1", "eo-2", "eo-3"),
    lines=("count-eb-1", "count-eb-2", "exit-market"),
    areas=("kerb", "market"),
    turns=("left-into-market",),
    heads=(),
    watches=(
        Watch("speeding", travel_m=8.0),
        Watch("illegal_parking", travel_m=0.5, duration_s=15.0),
        Watch("no_entry", travel_m=2.5, duration_s=0.5),
        Watch("illegal_turn", travel_m=4.0, duration_s=0.4),
        Watch("wrong_way", travel_m=5.0, duration_s=1.0),
        Watch("no_helmet"),
    ),
)  # fmt: skip

NGA_BAY: Final = Place(
    city="ngabay",
    site="hung-vuong",
    name=Label(vi="Hùng Vương – đường chợ Ngã Bảy", en="Hùng Vương – Ngã Bảy market street"),
    roadways=_ROADWAYS,
    lines=(
        RoadLine("count-eb-1", "count", ((-10.0, 0.0), (-10.0, -3.3)), (1.0, 0.0), "eb-1"),
        RoadLine("count-eb-2", "count", ((-10.0, -3.3), (-10.0, -6.8)), (1.0, 0.0), "eb-2"),
        RoadLine("exit-market", "exit", ((0.0, KERB + 1.0), (4.0, KERB + 1.0)), (0.0, 1.0)),
    ),
    areas=(
        # The shoulder beyond the market street, where vans like to stop.
        Area("kerb", "no_parking", ((-4.0, -6.8), (22.0, -6.8), (22.0, -9.2), (-4.0, -9.2))),
        # Lorries and buses may not enter the market street.
        Area("market", "no_entry", ((0.0, 11.0), (4.0, 11.0), (4.0, 30.0), (0.0, 30.0)),
             ("truck", "bus")),
    ),
    turns=(ForbiddenTurn("left-into-market", "eb-1", "exit-market", "left"),),
    heads=(),
    cycle=(),
    mounts=(_CAMERA,),
    sidewalks=(
        ((-REACH, KERB), (-4.0, KERB), (-4.0, KERB + 3.0), (-REACH, KERB + 3.0)),
        ((4.0, KERB), (REACH, KERB), (REACH, KERB + 3.0), (4.0, KERB + 3.0)),
        ((-REACH, -KERB - 2.6), (REACH, -KERB - 2.6), (REACH, -KERB), (-REACH, -KERB)),
    ),
    canals=(((-REACH, -40.0), (REACH, -40.0), (REACH, -12.6), (-REACH, -12.6)),),
    buildings=(
        Building(((-60.0, 13.0), (-6.0, 13.0), (-6.0, 24.0), (-60.0, 24.0)), 8.0, (160, 195, 220)),
        Building(((6.0, 13.0), (28.0, 13.0), (28.0, 26.0), (6.0, 26.0)), 11.0, (195, 205, 190)),
        Building(((30.0, 13.0), (64.0, 13.0), (64.0, 24.0), (30.0, 24.0)), 7.0, (170, 170, 210)),
        Building(((66.0, 13.0), (110.0, 13.0), (110.0, 26.0), (66.0, 26.0)), 9.0, (185, 215, 225)),
    ),
    trees=((-2.0, -11.0), (16.0, -11.0), (34.0, -11.0), (52.0, -11.0), (24.0, 11.4), (46.0, 11.4)),
    lamps=((8.0, -10.0), (38.0, -10.0), (-8.0, 10.6), (22.0, 10.6)),
)  # fmt: skip
