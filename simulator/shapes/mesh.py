"""What road users look like: a mesh of each, its plates, and where its riders' heads are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.shapes.cargo import three_wheeler
from simulator.shapes.cars import car
from simulator.shapes.cycles import bicycle, motorcycle
from simulator.shapes.heavy import bus, truck
from simulator.shapes.paint import Choice, Paint, shade
from simulator.shapes.parts import Points, Sculptor
from simulator.shapes.people import Head, walker
from simulator.shapes.plate import Anchor, plate_texture, quad, shape_of
from simulator.world import Body, PlateSign

__all__ = ["Mesh", "heads", "hull_points", "mesh", "plate_quads", "plate_texture", "riders"]

HULL_GAP_M: Final = 0.002
"""Points are added until they reach as far as the mesh in all sampled directions, up to this."""
MOST_HULL_POINTS: Final = 60
_DIRECTIONS: Final = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles of one road user, in its body frame.

    Attributes:
        vertices: Metres, float32 [V, 3].
        triangles: Places in ``vertices``, counter-clockwise as seen from outside, int32 [F, 3].
        colours: Blue, green, red of each triangle, uint8 [F, 3].
        normals: Unit vectors outward, float32 [F, 3].
        glow: 0 none, 1 head lamp, 2 tail lamp, 3 brake lamp, uint8 [F].
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    colours: NDArray[np.uint8]
    normals: NDArray[np.float32]
    glow: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Figure:
    mesh: Mesh
    owners: NDArray[np.int64]
    heads: tuple[tuple[float, float, float, float], ...]
    plates: NDArray[np.float32]


def mesh(body: Body) -> Mesh:
    """The solid of a road user; it fills length x width x height exactly.

    Plates are not part of it: see ``plate_quads``.
    """
    return _figure(body).mesh


def hull_points(body: Body) -> NDArray[np.float32]:
    """Corners of the mesh whose box in a picture is the mesh's, to a pixel.

    The mesh reaches beyond them by 14 mm at worst over all directions (9 mm but for one car).

    Returns:
        Body frame, metres, float32 [K, 3], K <= 60.
    """
    return _hulls(_key(body))[0]


def heads(body: Body) -> tuple[tuple[float, float, float, float], ...]:
    """Of each rider in ``body.helmets`` the head with what it wears: x, y, z, radius, metres."""
    return _figure(body).heads


def riders(body: Body) -> tuple[NDArray[np.float32], ...]:
    """Hull points of each person who rides in the open, driver first; see ``hull_points``."""
    return _hulls(_key(body))[1:]


def plate_quads(body: Body) -> NDArray[np.float32]:
    """Corners of its plates: left top, right top, right bottom, left bottom as they are read.

    Returns:
        Body frame, metres, float32 [n, 4, 3]; the rear plate first.
    """
    return _figure(body).plates


def _figure(body: Body) -> _Figure:
    return _made(_key(body))


def _key(body: Body) -> Body:
    """What a figure is kept by: one for all that look the same, whatever their plates say."""
    sign = body.plate
    if sign is not None:
        sign = PlateSign(tuple("95-B1" if "-" in line else "" for line in sign.lines), "")
        if len(sign.lines) == 1:
            sign = PlateSign(("",), "")
    return replace(body, id=0, plate=sign)


@lru_cache(maxsize=512)
def _made(body: Body) -> _Figure:
    s = Sculptor(body.colour)
    shape = None if body.plate is None else shape_of(body.plate)
    found: list[Head] = []
    anchors: list[Anchor]
    if body.kind in ("motorcycle", "three_wheeler", "bicycle"):
        make = {"motorcycle": motorcycle, "three_wheeler": three_wheeler, "bicycle": bicycle}
        found, anchors = make[body.kind](s, body)
        shape = None if shape is None else "motorcycle"
    elif body.kind == "pedestrian":
        walker(s, Choice(body.look), body.height, body.colour)
        anchors = []
    elif body.kind == "car":
        anchors = car(s, body, shape)
    elif body.kind == "truck":
        anchors = truck(s, body, shape)
    elif body.kind == "bus":
        anchors = bus(s, body, shape)
    else:
        anchors = _other(s, body)
    points, faces, inks, owners = s.arrays()
    points, scale, shift = _fitted(points, body)
    corners = points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(normals, axis=1)
    # Slivers (the tips of lofts) have no normal and cover nothing.
    kept = size > 1e-9
    solid = Mesh(
        points.astype(np.float32),
        faces[kept].astype(np.int32),
        np.array([ink[0] for ink in inks], np.uint8)[kept],
        (normals[kept] / size[kept, None]).astype(np.float32),
        np.array([ink[1] for ink in inks], np.uint8)[kept],
    )
    for part in (solid.vertices, solid.triangles, solid.colours, solid.normals, solid.glow):
        part.flags.writeable = False
    boards = [] if shape is None else [_screwed(one, shift, scale) for one in anchors]
    quads = [] if shape is None else [quad(one, shape) for one in boards]
    return _Figure(
        solid,
        owners,
        tuple(
            (
                float((one.x - shift[0]) * scale[0]), float((one.y - shift[1]) * scale[1]),
                float((one.z - shift[2]) * scale[2]), float(one.radius * scale.mean()),
            )
            for one in found
        ),
        np.array(quads, np.float32).reshape(-1, 4, 3),
    )  # fmt: skip


@lru_cache(maxsize=512)
def _hulls(body: Body) -> tuple[NDArray[np.float32], ...]:
    """Hull of all, then of each rider."""
    figure = _made(body)
    points, owners = figure.mesh.vertices, figure.owners
    people = sorted({int(owner) for owner in owners} - {-1})
    return (_hull(points), *(_hull(points[owners == owner]) for owner in people))


def _fitted(points: Points, body: Body) -> tuple[Points, Points, Points]:
    """Moved and stretched into its box: points, factors [3], what was moved before [3]."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.array([body.length, body.width, body.height])
    scale = size / (high - low)
    middle = (low + high) / 2
    shift = np.array([middle[0], middle[1], low[2]])
    return (points - shift) * scale, scale, shift


def _screwed(anchor: Anchor, shift: Points, scale: Points) -> Anchor:
    """An anchor after the fit: the plate itself keeps its true size."""
    x = float((anchor.x - shift[0]) * scale[0])
    return replace(anchor, x=x, z=float((anchor.z - shift[2]) * scale[2]))


def _directions() -> Points:
    """Directions spread evenly over a ball: Fibonacci's spiral."""
    place = np.arange(_DIRECTIONS) + 0.5
    z = 1 - 2 * place / _DIRECTIONS
    turn = np.pi * (1 + 5**0.5) * place
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


_ALL_WAYS: Final = _directions()


def _hull(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The few points that reach as far as all: the worst direction's point is added in turn."""
    own = np.unique(points, axis=0)
    # Denser where a long body's corners lie close together: even over the unit box, not the ball.
    ways = _ALL_WAYS / np.maximum(np.ptp(own, axis=0), 1e-3).astype(np.float64)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    # A row a direction: argmax over what lies side by side takes a fifth of the time.
    own = own[np.unique((ways.astype(np.float32) @ own.T).argmax(axis=1))]
    reach = own.astype(np.float64) @ ways.T
    most = reach.max(axis=0)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    chosen = list(dict.fromkeys(int(place) for place in (own @ axes.T).argmax(axis=0)))
    held = reach[chosen].max(axis=0)
    while len(chosen) < MOST_HULL_POINTS:
        worst = int((most - held).argmax())
        if most[worst] - held[worst] < HULL_GAP_M:
            break
        chosen.append(int(reach[:, worst].argmax()))
        held = np.maximum(held, reach[chosen[-1]])
    out: NDArray[np.float32] = own[chosen].astype(np.float32)
    out.flags.writeable = False
    return out


def _other(s: Sculptor, body: Body) -> list[Anchor]:
    """Something on wheels that is none of the classes: a push cart with a roof, or a barrow."""
    choice = Choice(body.look)
    half, wide, high = body.length / 2, body.width / 2, body.height
    radius = min(0.3, body.rear_axle, body.front_axle)
    for x in (-half + body.rear_axle, half - body.front_axle):
        for y in (wide - 0.05, 0.05 - wide):
            s.wheel(x, y, radius, 0.06, (120, 120, 122), 10)
    body_top = min(0.95, 0.65 * high)
    s.block((-half, half, 0.1 - wide, wide - 0.1, radius, body_top), body.colour,
            {"left": Paint(("kkk", "*g*"), (0.1, 0.9, 1.0), (0.9, 1.0))})  # fmt: skip
    roof = choice.pick("roof", ((60, 60, 200), (200, 140, 60), (80, 170, 80), (60, 190, 235)))
    for x in (-half + 0.1, half - 0.14):
        for y in (0.14 - wide, wide - 0.18):
            s.block((x, x + 0.04, y, y + 0.04, body_top, high - 0.12), (130, 130, 132))
    s.block((-half, half, -wide, wide, high - 0.14, high), roof, top=(0.3, 0.3, 0.2))
    s.block((-half + 0.2, half - 0.2, 0.25 - wide, wide - 0.25, body_top, body_top + 0.2),
            shade(roof, 0.7), top=(0.05, 0.05, 0.05))  # fmt: skip
    return []
