"""The vehicles of a delta town: sizes, how they drive, paint, riders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from xml.etree import ElementTree

import numpy as np

from ioc.events import VehicleClass
from simulator.traffic.net_build import SHOULDER_CLASS, STRAY_CLASS
from simulator.traffic.registration import Registry
from simulator.world import Body


@dataclass(frozen=True, slots=True)
class Model:
    """A make of vehicle.

    Attributes:
        name: Unique; the name of its type in SUMO.
        kind: Class.
        share: Of all vehicles; shares need not add up to 1.
        length: Metres.
        width: Metres.
        height: Metres, with riders.
        rear_axle: Ahead of the rear end, metres.
        front_axle: Behind the front end, metres.
        accel: Most acceleration that its driver uses, m/s².
        decel: Usual deceleration, m/s².
        top_mps: Most speed, m/s.
        speeds: Least and most of the speed limit that law-abiding drivers want.
    """

    name: str
    kind: VehicleClass
    share: float
    length: float
    width: float
    height: float
    rear_axle: float
    front_axle: float
    accel: float
    decel: float
    top_mps: float
    speeds: tuple[float, float]


MODELS: Final = (
    Model("cub", "motorcycle", 38.0, 1.90, 0.72, 1.62, 0.34, 0.31, 2.3, 3.8, 24.0, (0.62, 0.955)),
    Model("scooter", "motorcycle", 40.0, 1.95, 0.74, 1.65, 0.33, 0.33, 2.5, 3.8, 26.0,
          (0.66, 0.955)),
    Model("hatchback", "car", 4.0, 3.75, 1.65, 1.50, 0.62, 0.72, 2.2, 3.8, 40.0, (0.74, 0.955)),
    Model("sedan", "car", 5.0, 4.45, 1.76, 1.47, 0.95, 0.85, 2.3, 3.8, 40.0, (0.76, 0.955)),
    Model("suv", "car", 3.0, 4.75, 1.86, 1.80, 0.98, 0.88, 2.2, 3.8, 40.0, (0.76, 0.955)),
    Model("light_lorry", "truck", 2.6, 5.30, 1.86, 2.30, 1.15, 1.05, 1.6, 3.2, 27.0, (0.70, 0.92)),
    Model("lorry", "truck", 1.4, 7.10, 2.25, 2.75, 1.75, 1.20, 1.3, 3.0, 25.0, (0.66, 0.90)),
    Model("minibus", "bus", 0.9, 6.90, 2.05, 2.75, 1.65, 1.25, 1.4, 3.0, 27.0, (0.70, 0.92)),
    Model("coach", "bus", 0.5, 9.60, 2.45, 3.05, 2.50, 1.90, 1.2, 3.0, 26.0, (0.66, 0.90)),
    Model("three_wheeler", "three_wheeler", 2.4, 3.10, 1.28, 1.70, 0.55, 0.32, 1.6, 3.2, 19.0,
          (0.45, 0.65)),
    Model("bicycle", "bicycle", 3.2, 1.72, 0.58, 1.68, 0.34, 0.34, 1.0, 2.6, 9.0, (0.24, 0.36)),
)  # fmt: skip
"""Sizes of common makes (Honda Wave and Vision, Hyundai i10, Toyota Vios and Fortuner, Hyundai
Porter and Mighty, County and Universe, a ba gác); motorcycles are 78 % of the traffic, as counts
in delta towns give."""

BY_NAME: Final = {model.name: model for model in MODELS}

_SUMO_CLASS: Final[dict[VehicleClass, str]] = {
    "motorcycle": "motorcycle", "car": "private", "truck": "truck", "bus": "bus",
    "three_wheeler": "moped", "bicycle": "bicycle",
}  # fmt: skip

PAINTS: Final[dict[VehicleClass, tuple[tuple[int, int, int], ...]]] = {
    "motorcycle": ((32, 32, 34), (40, 36, 150), (150, 70, 35), (225, 225, 228), (110, 108, 105),
                   (60, 90, 40), (45, 60, 105)),
    "car": ((235, 235, 238), (200, 200, 203), (35, 35, 38), (110, 112, 115), (40, 40, 155),
            (120, 60, 30), (70, 100, 140)),
    "truck": ((230, 232, 235), (175, 95, 35), (60, 110, 60), (60, 150, 200), (50, 50, 160)),
    "bus": ((230, 232, 235), (70, 150, 60), (60, 170, 215), (60, 60, 175), (190, 120, 60)),
    "three_wheeler": ((120, 80, 40), (60, 90, 60), (60, 60, 130), (90, 95, 100)),
    "bicycle": ((60, 60, 60), (150, 100, 50), (60, 60, 160), (190, 190, 190)),
    "pedestrian": ((90, 70, 60), (190, 190, 195), (60, 60, 150), (120, 90, 50), (70, 110, 80),
                   (40, 40, 45), (80, 150, 190)),
}  # fmt: skip
"""Paint (people: clothes) as blue, green, red."""

RIDERS: Final = (0.72, 0.24, 0.04)
"""Shares of motorcycles with one, two, three on them."""


Fleet = Literal["town", "even"]

EVEN: Final[dict[VehicleClass, float]] = {
    "motorcycle": 40.0, "car": 12.0, "truck": 13.0, "bus": 12.0, "three_wheeler": 12.0,
    "bicycle": 11.0,
}  # fmt: skip
"""Shares of the classes where a detector learns: from the town's 1.4 % of buses and 2.4 % of
three-wheelers it learned neither in nine epochs of 2,640 pictures (AP50 0.19 and 0)."""


def pick(
    rng: np.random.Generator, kinds: tuple[VehicleClass, ...] = (), fleet: Fleet = "town"
) -> Model:
    """A vehicle by the shares of a fleet; only of some classes where these are named."""
    models = [model for model in MODELS if not kinds or model.kind in kinds]
    shares = np.array([_share(model, fleet) for model in models])
    return models[int(rng.choice(len(models), p=shares / shares.sum()))]


def _share(model: Model, fleet: Fleet) -> float:
    if fleet == "town":
        return model.share
    return EVEN[model.kind] / sum(other.kind == model.kind for other in MODELS)


def body_of(number: int, model: Model, rng: np.random.Generator, registry: Registry) -> Body:
    """A vehicle of a make; its riders all wear helmets."""
    paints = PAINTS[model.kind]
    shade = rng.normal(0, 8, 3)
    colour = np.clip(np.array(paints[int(rng.integers(len(paints)))]) + shade, 5, 250).astype(int)
    helmets: tuple[bool, ...] = ()
    if model.kind == "motorcycle":
        helmets = (True,) * int(rng.choice(3, p=RIDERS) + 1)
    elif model.kind == "bicycle":
        helmets = (False,)
    return Body(
        number, model.kind, model.length, model.width, model.height, model.rear_axle,
        model.front_axle, (int(colour[0]), int(colour[1]), int(colour[2])),
        registry.sign(model.kind), helmets, int(rng.integers(1 << 16)),
    )  # fmt: skip


def walker_body(number: int, rng: np.random.Generator) -> Body:
    """Someone on foot."""
    paints = PAINTS["pedestrian"]
    return Body(
        number, "pedestrian", 0.45, 0.55, round(float(rng.uniform(1.48, 1.76)), 2), 0.1, 0.1,
        paints[int(rng.integers(len(paints)))], None, (), int(rng.integers(1 << 16)),
    )  # fmt: skip


def types_xml() -> list[ElementTree.Element]:
    """SUMO's vehicle types: each make, and variants that break a rule.

    The sublane model's lateral speed is a share of the speed and none at rest, so that nothing
    slides sideways: a fifth is a steering angle of 11 degrees.
    """
    found = []
    for model in MODELS:
        two = model.kind in ("motorcycle", "bicycle")
        for suffix, sumo in (
            ("", _SUMO_CLASS[model.kind]), ("+shoulder", SHOULDER_CLASS), ("+stray", STRAY_CLASS),
            ("+runner", _SUMO_CLASS[model.kind]),
        ):  # fmt: skip
            found.append(
                ElementTree.Element(
                    "vType", id=model.name + suffix, vClass=sumo, length=f"{model.length:.2f}",
                    width=f"{model.width:.2f}", maxSpeed=f"{model.top_mps:.2f}",
                    accel=f"{model.accel:.2f}", decel=f"{model.decel:.2f}", emergencyDecel="8.0",
                    sigma="0.15", tau="1.0" if not two else "0.9", speedDev="0", speedFactor="1",
                    minGap="1.6" if not two else "0.9", minGapLat="0.5" if not two else "0.3",
                    latAlignment="arbitrary" if two else "center",
                    maxSpeedLatStanding="0.0", maxSpeedLatFactor="0.2",
                    maxSpeedLat="1.2" if two else "0.9",
                    lcKeepRight="0.6" if two else "0.1", lcSpeedGain="0.3",
                    lcPushy="0.1" if two else "0",
                    # Who sees yellow drives on for that long; from there on who can brakes, so
                    # that nobody comes over the line on red for lack of room to stop.
                    jmDriveAfterYellowTime="1.0" if model.length < 5 else "0.4",
                    jmDriveAfterRedTime="100" if suffix == "+runner" else "-1",
                    jmStoplineGap="0.8" if not two else "0.5",
                    # Nobody waits for gaps as long as SUMO would: at 1.0 s and no impatience those
                    # from the market street stood for a minute beside an almost empty road.
                    impatience="1" if suffix == "+stray" else "0.6",
                    jmTimegapMinor="0.4",
                )
            )  # fmt: skip
    return found
