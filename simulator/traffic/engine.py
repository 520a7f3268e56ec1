"""Runs SUMO in this process and records what it does.

``libsumo`` is one simulation per process, so a lock lets one run at a time.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from simulator.place import Place
from simulator.traffic.demand import WARM_UP_S, Departure
from simulator.traffic.models import types_xml
from simulator.traffic.net_build import JUNCTION, links_of, net_of
from simulator.traffic.signal_plan import SignalPlan
from simulator.world import RATE

_RUNNING: Final = threading.Lock()
REACH_M: Final = 1000.0
"""Every vehicle within this of the junction is recorded: all."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A vehicle in one step, as SUMO tells it.

    Attributes:
        x: Middle of its front end, metres.
        y: The same.
        angle: Degrees clockwise from north.
        speed: Metres a second.
        road: Its roadway; a name that begins with a colon inside the junction.
        lane: Number of its lane from the kerb.
        along: Distance along the lane, metres.
    """

    x: float
    y: float
    angle: float
    speed: float
    road: str
    lane: int
    along: float


@dataclass(frozen=True, slots=True)
class Record:
    """What SUMO did, with T steps of the clip and N departures of which some never appear.

    Attributes:
        x: Middle of the front end, metres [T, N]; NaN while it is not there.
        y: The same.
        heading: Radians counter-clockwise from east, [T, N].
        speed: Metres a second, [T, N].
        chosen: Departures that the driver function marked, with the rule.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    heading: NDArray[np.float64]
    speed: NDArray[np.float64]


Control = Callable[[float, dict[int, Sight], ModuleType], None]
"""Called in every step with the clip's time, all vehicles by departure number, and libsumo."""


def run(
    place: Place,
    leaving: Sequence[Departure],
    plan: SignalPlan,
    seed: int,
    seconds: float,
    control: Control | None = None,
) -> Record:
    """Simulate the warm-up and the clip.

    Args:
        place: The roads.
        leaving: Who sets out when.
        plan: The signals.
        seed: Of SUMO's own draws.
        seconds: Length of the clip.
        control: Steers vehicles in every step.

    Raises:
        ConfigError: ``libsumo`` is not installed, or it refuses the network.
    """
    steps = round(seconds * RATE)
    warm = round(WARM_UP_S * RATE)
    shape = steps, len(leaving)
    x, y, heading, speed = (np.full(shape, np.nan) for _ in range(4))
    with _session(place, leaving, seed) as sumo:
        order = _order(place, sumo) if place.heads else ()
        names = sumo.constants
        wanted = [
            names.VAR_POSITION, names.VAR_ANGLE, names.VAR_SPEED, names.VAR_ROAD_ID,
            names.VAR_LANE_INDEX, names.VAR_LANEPOSITION,
        ]  # fmt: skip
        sumo.junction.subscribeContext(JUNCTION, names.CMD_GET_VEHICLE_VARIABLE, REACH_M, wanted)
        for step in range(-warm, steps):
            time_s = step / RATE
            if place.heads:
                sumo.trafficlight.setRedYellowGreenState(JUNCTION, plan.state(time_s, order))
            sumo.simulationStep()
            found = sumo.junction.getContextSubscriptionResults(JUNCTION)
            seen = {
                number: Sight(*v[wanted[0]], *(v[key] for key in wanted[1:]))
                for number, v in sorted((int(key), v) for key, v in found.items())
            }
            if control is not None:
                control(time_s, seen, sumo)
            if step >= 0 and seen:
                columns = list(seen)
                values = np.array([(s.x, s.y, s.angle, s.speed) for s in seen.values()])
                x[step, columns], y[step, columns] = values[:, 0], values[:, 1]
                heading[step, columns] = np.deg2rad(90 - values[:, 2])
                speed[step, columns] = values[:, 3]
    return Record(x, y, heading, speed)


def _sumo() -> ModuleType:
    try:
        import libsumo  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise ConfigError(
            "traffic needs SUMO, which is not installed; run: pip install 'haugiang-ioc[sim]'"
        ) from error
    module: ModuleType = libsumo
    return module


@contextmanager
def _session(place: Place, leaving: Sequence[Departure], seed: int) -> Iterator[Any]:
    net = net_of(place)
    sumo = _sumo()
    with _RUNNING, tempfile.TemporaryDirectory() as folder:
        routes = Path(folder) / "r.rou.xml"
        routes.write_bytes(ElementTree.tostring(_routes(leaving)))
        try:
            sumo.start(
                [
                    "sumo", "-n", str(net), "-r", str(routes), "--seed", str(seed % (1 << 31)),
                    "--step-length", str(1 / RATE), "--lateral-resolution", "0.4",
                    "--time-to-teleport", "-1", "--collision.action", "none",
                    "--max-depart-delay", "12", "--no-step-log", "--no-warnings",
                    "--xml-validation", "never", "--threads", "1", "--route-steps", "0",
                ]
            )  # fmt: skip
            yield sumo
        except sumo.TraCIException as error:
            raise ConfigError(f"SUMO refuses place {place.id}: {error}") from error
        finally:
            sumo.close()


def _routes(leaving: Sequence[Departure]) -> ElementTree.Element:
    root = ElementTree.Element("routes")
    root.extend(types_xml())
    for number, one in sorted(enumerate(leaving), key=lambda pair: pair[1].time_s):
        vehicle = ElementTree.SubElement(
            root, "vehicle", id=str(number), type=one.model.name + one.type_suffix,
            depart=f"{one.time_s + WARM_UP_S:.3f}",
            departLane=str(len(one.origin.strips) - 1 - one.lane),
            departSpeed="desired", departPos="base",
            departPosLat="random" if one.model.width < 1 else "center",
            speedFactor=f"{one.factor:.4f}",
        )  # fmt: skip
        ElementTree.SubElement(vehicle, "route", edges=f"{one.origin.id} {one.target.id}")
        if one.stop is not None:
            road, lane, end, duration = one.stop
            ElementTree.SubElement(
                vehicle, "stop", lane=f"{road.id}_{len(road.strips) - 1 - lane}",
                endPos=f"{end:.2f}", startPos=f"{max(0.1, end - 3):.2f}",
                duration=f"{duration:.2f}",
            )  # fmt: skip
        for key, value in one.marks.items():
            ElementTree.SubElement(vehicle, "param", key=key, value=value)
    return root


def _order(place: Place, sumo: Any) -> list[int]:
    """For each letter of SUMO's signal state the place of its way in ``links_of``."""
    ways = {
        (
            f"{link.origin.id}_{len(link.origin.strips) - 1 - link.leave}",
            f"{link.target.id}_{len(link.target.strips) - 1 - link.enter}",
        ): number
        for number, link in enumerate(links_of(place))
    }
    return [ways[group[0][:2]] for group in sumo.trafficlight.getControlledLinks(JUNCTION)]
