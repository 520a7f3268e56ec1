"""Road networks for SUMO, made from the places: ``python -m simulator.traffic.net_build``.

The results are committed, so that a simulation needs ``libsumo`` alone. Each carries a digest of
what it was made from; one that no longer fits its place is refused.
"""

from __future__ import annotations

import hashlib
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from ioc.errors import ConfigError
from simulator.place import Place, Roadway, Strip
from simulator.places import PLACES

NETS: Final = Path(__file__).parent / "nets"
JUNCTION: Final = "middle"
"""Name of the junction, and of its signal program, in a network."""

SHOULDER_CLASS: Final = "custom1"
"""SUMO's class of who is let onto shoulders."""
STRAY_CLASS: Final = "custom2"
"""SUMO's class of who drives where the law does not let it: lanes of others, forbidden turns."""

_ALL: Final = "private taxi bus truck delivery motorcycle moped bicycle custom1 custom2"
_SUMO_CLASS: Final = {
    "motorcycle": "motorcycle", "bicycle": "bicycle", "car": "private", "truck": "truck",
    "bus": "bus", "three_wheeler": "moped",
}  # fmt: skip
STRAIGHT_RAD: Final = math.radians(45)
VERSION: Final = 3
"""Of the way in which a network is made; part of the digest."""


@dataclass(frozen=True, slots=True)
class Link:
    """A way over the junction, from a strip to a strip.

    Attributes:
        origin: Inbound roadway.
        leave: Number of its strip, from the axis.
        target: Outbound roadway.
        enter: Number of its strip.
        turn: Which way it bends.
        forbidden: Whether the place forbids it.
    """

    origin: Roadway
    leave: int
    target: Roadway
    enter: int
    turn: str
    forbidden: bool = False


def links_of(place: Place) -> list[Link]:
    """Every way over the junction, in the order of SUMO's signal states.

    Straight on in the same strip, left from the innermost into the innermost, right from the
    outermost; where the outermost is for two-wheelers, others turn right from the one beside it.
    """
    found = []
    for origin in place.roadways:
        if not origin.inbound:
            continue
        for target in place.roadways:
            if target.inbound or _opposite(origin, target):
                continue
            turn = _turn(origin, target)
            for leave, enter in _pairs(origin, target, turn):
                found.append(
                    Link(origin, leave, target, enter, turn, _forbidden(place, origin, leave, turn))
                )
    return found


def digest_of(place: Place) -> str:
    """SHA-256 of what a network depends on."""
    parts = [str(VERSION)]
    for road in place.roadways:
        parts.append(
            repr((road.id, road.start, road.end, road.inbound, road.limit_kmh, road.head))
            + repr([(s.id, s.width, s.vehicles, s.shoulder) for s in road.strips])
        )
    parts += [repr((t.id, t.lane, t.kind)) for t in place.turns]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def net_of(place: Place) -> Path:
    """The committed network of a place.

    Raises:
        ConfigError: There is none, or it was made from another state of the place.
    """
    path = NETS / f"{place.city}.net.xml"
    mend = "make it again with: python -m simulator.traffic.net_build (needs eclipse-sumo)"
    if not path.is_file():
        raise ConfigError(f"{path.name}: place {place.id} has no road network; {mend}")
    with path.open(encoding="utf-8") as file:
        head = file.read(400)
    if digest_of(place) not in head:
        raise ConfigError(f"{path.name}: does not fit place {place.id}; {mend}")
    return path


def build(place: Place) -> str:
    """The network of a place as SUMO reads it.

    Raises:
        ConfigError: netconvert is not installed or refuses the place.
    """
    program = _netconvert()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for name, root in (
            ("nod", _nodes(place)), ("edg", _edges(place)), ("con", _connections(place)),
        ):  # fmt: skip
            (base / f"p.{name}.xml").write_bytes(ElementTree.tostring(root))
        done = subprocess.run(
            [
                program, "-n", "p.nod.xml", "-e", "p.edg.xml", "-x", "p.con.xml", "-o", "o.xml",
                "--no-turnarounds", "--offset.disable-normalization", "--no-internal-links=false",
                "--junctions.corner-detail=5", "--junctions.internal-link-detail=12",
                "--geometry.max-angle.fix=false", "--xml-validation=never", "--precision=3",
            ],
            cwd=base, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ConfigError(f"netconvert refuses place {place.id}: {done.stderr.strip()[-400:]}")
        text = (base / "o.xml").read_text(encoding="utf-8")
    # Comments hold the date and the paths of this machine.
    body = re.sub(r"<!--.*?-->\s*", "", text.split("?>", 1)[1], flags=re.DOTALL).lstrip()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- Made by net_build.py from place {place.id}, digest {digest_of(place)} -->\n"
        f"{body}"
    )


def main() -> int:
    """Write the networks of all places."""
    for place in PLACES.values():
        path = NETS / f"{place.city}.net.xml"
        path.write_text(build(place), encoding="utf-8")
        print(path)
    return 0


def _netconvert() -> str:
    beside = Path(sys.executable).parent / "netconvert"
    found = str(beside) if beside.is_file() else shutil.which("netconvert")
    if found is None:
        raise ConfigError("netconvert is not installed; run: pip install 'haugiang-ioc[sim]'")
    return found


def _opposite(origin: Roadway, target: Roadway) -> bool:
    return bool(origin.along @ target.along < -0.7)


def _turn(origin: Roadway, target: Roadway) -> str:
    a, b = origin.along, target.along
    angle = math.atan2(a[0] * b[1] - a[1] * b[0], float(a @ b))
    return "straight" if abs(angle) < STRAIGHT_RAD else "left" if angle > 0 else "right"


def _driving(road: Roadway) -> list[int]:
    return [number for number, strip in enumerate(road.strips) if not strip.shoulder]


def _pairs(origin: Roadway, target: Roadway, turn: str) -> Iterator[tuple[int, int]]:
    ours, theirs = _driving(origin), _driving(target)
    if turn == "straight":
        yield from zip(ours, theirs, strict=False)
        edge = len(origin.strips) - 1, len(target.strips) - 1
        if origin.strips[edge[0]].shoulder and target.strips[edge[1]].shoulder:
            yield edge
    elif turn == "left":
        yield ours[0], theirs[0]
    else:
        open_ours = [n for n in ours if not origin.strips[n].vehicles]
        open_theirs = [n for n in theirs if not target.strips[n].vehicles]
        yield open_ours[-1], open_theirs[-1]
        if ours[-1] != open_ours[-1]:
            yield ours[-1], theirs[-1]


def _forbidden(place: Place, origin: Roadway, leave: int, turn: str) -> bool:
    return any(t.lane == origin.strips[leave].id and t.kind == turn for t in place.turns)


def _nodes(place: Place) -> ElementTree.Element:
    root = ElementTree.Element("nodes")
    inner = [road for road in place.roadways if road.inbound]
    # The junction's border runs over the ends of all roadways, counter-clockwise.
    corners: list[tuple[float, float]] = []
    for road in sorted(inner, key=lambda r: math.atan2(r.end[1], r.end[0])):
        out = next(r for r in place.roadways if not r.inbound and _opposite(road, r))
        wide = sum(strip.width for strip in road.strips)
        wide_out = sum(strip.width for strip in out.strips)
        corners += [out.at(0.0, wide_out), road.at(road.length, wide)]
    ElementTree.SubElement(
        root, "node", id=JUNCTION, x="0", y="0",
        type="traffic_light" if place.heads else "priority",
        shape=" ".join(f"{x:.3f},{y:.3f}" for x, y in corners),
    )  # fmt: skip
    for road in inner:
        x, y = road.start
        ElementTree.SubElement(
            root, "node", id=f"far-{road.id}", x=f"{x:.3f}", y=f"{y:.3f}", type="dead_end"
        )
    return root


def _edges(place: Place) -> ElementTree.Element:
    root = ElementTree.Element("edges")
    for road in place.roadways:
        if road.inbound:
            ends = f"far-{road.id}", JUNCTION
        else:
            back = next(r for r in place.roadways if r.inbound and _opposite(r, road))
            ends = JUNCTION, f"far-{back.id}"
        edge = ElementTree.SubElement(
            root, "edge", {"from": ends[0], "to": ends[1]}, id=road.id, spreadType="right",
            numLanes=str(len(road.strips)), speed=f"{road.limit_kmh / 3.6:.4f}",
            priority="10" if road.limit_kmh > 30 else "1",
            shape=" ".join(f"{x:.3f},{y:.3f}" for x, y in (road.start, road.end)),
        )  # fmt: skip
        for index, strip in enumerate(reversed(road.strips)):
            ElementTree.SubElement(
                edge, "lane", index=str(index), width=f"{strip.width:.2f}", allow=_allow(strip)
            )
    return root


def _allow(strip: Strip) -> str:
    if strip.shoulder:
        return SHOULDER_CLASS
    if not strip.vehicles:
        return _ALL
    return " ".join([*(_SUMO_CLASS[name] for name in strip.vehicles), STRAY_CLASS])


def _connections(place: Place) -> ElementTree.Element:
    root = ElementTree.Element("connections")
    for link in links_of(place):
        attributes = {
            "from": link.origin.id,
            "to": link.target.id,
            "fromLane": str(len(link.origin.strips) - 1 - link.leave),
            "toLane": str(len(link.target.strips) - 1 - link.enter),
        }
        if link.forbidden:
            attributes["allow"] = STRAY_CLASS
        ElementTree.SubElement(root, "connection", attributes)
    return root


if __name__ == "__main__":
    raise SystemExit(main())
