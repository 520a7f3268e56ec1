"""What a camera sees at a step: the box of every road user, and the parts to be told on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase, VehicleClass
from simulator.place import Mount, Place
from simulator.shapes.mesh import hull_points, plate_quads, riders
from simulator.truth.figure import Figures, boxes, cut, drawn, near_view
from simulator.truth.heads import Heads
from simulator.truth.site_file import lamp_corners
from simulator.world import PHASES, World

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]

PartKind = Literal["rider", "helmet", "no_helmet", "plate", "lamp"]

LEAST_PX: Final = 2.0
"""What is narrower or lower in the picture is not listed."""

IN_PICTURE: Final = 0.5
"""Parts are listed with at least this share of their box in the picture."""

FREE: Final = 0.98
"""Of who is hidden less than this, all parts are free."""

NEARER_M: Final = 0.3
"""What hides a part stands at least so much nearer."""

SAMPLES: Final = 5
"""Points across and along a part that are looked at to see whether something hides it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something on a road user, or a signal head.

    Attributes:
        kind: What.
        body: Number of the road user; -1 for a signal head.
        box: Left, top, right, bottom in the picture, pixels.
        visible: Share of it that nothing hides, 0-1, by the outlines of what stands before it.
        text: What a plate says; the name of a signal head.
        height_px: Mean height of a plate along its left and right edge, pixels; of others, of the
            box.
        quad: Corners of a plate as one reads it: left top, right top, right bottom, left bottom.
        phase: What a signal head shows.
    """

    kind: PartKind
    body: int
    box: Box
    visible: float
    text: str = ""
    height_px: float = 0.0
    quad: tuple[float, ...] | None = None
    phase: Phase | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """All that a camera sees at a step.

    Attributes:
        step: The step.
        bodies: Numbers of the M road users that have a part in the picture, int64 [M].
        kinds: Their classes.
        boxes: Their boxes, cut at the picture's edge, pixels, [M, 4].
        inside: Share of the whole box that is in the picture, [M].
        visible: Share of each that no other hides, [M].
        parts: What can be told on them, and the signal heads.
    """

    step: int
    bodies: NDArray[np.int64]
    kinds: tuple[VehicleClass, ...]
    boxes: Points
    inside: Points
    visible: Points
    parts: tuple[Part, ...]

    def labelled(self) -> Iterator[tuple[str, Box, float]]:
        """What of it, box and visible share of all road users, then of all parts."""
        for kind, box, visible in zip(
            self.kinds, self.boxes.tolist(), self.visible.tolist(), strict=True
        ):
            yield kind, (box[0], box[1], box[2], box[3]), visible
        for part in self.parts:
            yield part.kind, part.box, part.visible


class Observer:
    """A camera's view of a world, step by step.

    Args:
        world: The world.
        place: Its place.
        mount: The camera.
        bodies: Who is looked at; left out, all.
    """

    def __init__(
        self, world: World, place: Place, mount: Mount, bodies: Sequence[int] | None = None
    ) -> None:
        self._world, self._mount = world, mount
        chosen = [world.bodies[one] for one in bodies] if bodies is not None else world.bodies
        self._hulls = Figures(world, [(one.id, hull_points(one)) for one in chosen])
        self._riders = Figures(
            world, [(one.id, points) for one in chosen for points in riders(one)]
        )
        self._plates = Figures(
            world, [(one.id, quad) for one in chosen if one.plate for quad in plate_quads(one)]
        )
        self._heads = Heads(world, [one.id for one in chosen])
        self._lamps = [head for head in place.heads if head.id in mount.heads]

    def at(self, step: int, visible: Points) -> Observation:
        """What is seen at a step.

        Args:
            step: The step.
            visible: The share of each of the world's road users that no other hides, [N].
        """
        near = near_view(self._world, self._mount.lens, step)
        rows = np.flatnonzero(near[self._hulls.bodies])
        hulls = self._hulls.at(step, rows)
        found, inside = cut(self._mount.lens, boxes(self._mount.lens, hulls))
        listed = (inside > 0) & _large(found)
        bodies = self._hulls.bodies[rows[listed]]
        before = _Outlines(self._mount, hulls[listed], bodies, visible)
        parts = [*self._rider_parts(step, before), *self._head_parts(step, before)]
        parts += [*self._plate_parts(step, before), *self._lamp_parts(step, before)]
        return Observation(
            step,
            bodies,
            tuple(self._world.bodies[body].kind for body in bodies.tolist()),
            found[listed],
            inside[listed],
            np.asarray(visible, np.float64)[bodies],
            tuple(parts),
        )

    def _rider_parts(self, step: int, before: _Outlines) -> Iterator[Part]:
        rows = before.rows_of(self._riders.bodies)
        pixels, depth = drawn(self._mount.lens, self._riders.at(step, rows))
        for at, box in self._shown(pixels, depth):
            body = int(self._riders.bodies[rows[at]])
            free = before.free(body, partial(_shrunk, pixels[at]), float(depth[at].mean()))
            yield Part("rider", body, box, free, height_px=box[3] - box[1])

    def _head_parts(self, step: int, before: _Outlines) -> Iterator[Part]:
        lens, heads = self._mount.lens, self._heads
        rows = before.rows_of(heads.bodies)
        pixels, depth, around = heads.drawn(lens, *heads.at(step, rows))
        clear = heads.free(pixels, depth, around)
        # One row a head from here on; radius 0 where there is no rider.
        there, bare = heads.there[rows].ravel(), heads.bare[rows].ravel()
        owner = np.repeat(heads.bodies[rows], heads.there.shape[1])[there].tolist()
        middle, radius = pixels.reshape(-1, 2)[there], around.ravel()[there]
        far, clear = depth.ravel()[there], clear.ravel()[there]
        bare = bare[there]
        rim = radius[:, None]
        ends = np.stack([middle - rim, middle + rim], axis=1)
        for at, box in self._shown(ends, far[:, None]):
            ring = partial(_around, middle[at], float(radius[at]))
            free = before.free(owner[at], ring, float(far[at])) * float(clear[at])
            kind: PartKind = "no_helmet" if bare[at] else "helmet"
            yield Part(kind, owner[at], box, free, height_px=2 * float(radius[at]))

    def _plate_parts(self, step: int, before: _Outlines) -> Iterator[Part]:
        rows = before.rows_of(self._plates.bodies)
        quads, depth = drawn(self._mount.lens, self._plates.at(step, rows))
        # Read from its front the corners go round clockwise, with y down a positive area.
        facing = _areas(quads) > 0
        rows, quads, depth = rows[facing], quads[facing], depth[facing]
        edges = np.hypot(*np.moveaxis(quads[:, [3, 2]] - quads[:, [0, 1]], -1, 0)).mean(axis=1)
        for at, box in self._shown(quads, depth):
            body, quad = int(self._plates.bodies[rows[at]]), quads[at]
            sign = self._world.bodies[body].plate
            text = sign.text if sign else ""
            free = before.free(body, partial(_grid, quad), float(depth[at].mean()))
            corners = tuple(quad.ravel().tolist())
            yield Part("plate", body, box, free, text, float(edges[at]), corners)

    def _lamp_parts(self, step: int, before: _Outlines) -> Iterator[Part]:
        if not self._lamps:
            return
        faces = np.stack([lamp_corners(head) for head in self._lamps])
        quads, depth = drawn(self._mount.lens, faces)
        for at, box in self._shown(quads, depth):
            head, quad = self._lamps[at], quads[at]
            free = before.free(-1, partial(_grid, quad), float(depth[at].mean()))
            phase = PHASES[int(self._world.phases[step, self._world.heads.index(head.id)])]
            yield Part("lamp", -1, box, free, head.id, box[3] - box[1], phase=phase)

    def _shown(self, pixels: Points, depth: Points) -> Iterator[tuple[int, Box]]:
        """Place and box, cut at the picture's edge, of the parts of which enough is in it."""
        if not len(pixels):
            return
        whole = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
        found, inside = cut(self._mount.lens, whole)
        good = (inside >= IN_PICTURE) & (depth > NEARER_M).all(axis=1) & _large(found)
        for at in np.flatnonzero(good).tolist():
            left, top, right, bottom = found[at].tolist()
            yield at, (left, top, right, bottom)


class _Outlines:
    """The outlines of road users in the picture, to tell which parts they hide."""

    def __init__(
        self, mount: Mount, hulls: Points, bodies: NDArray[np.int64], visible: Points
    ) -> None:
        self._bodies = bodies
        self._visible = visible
        pixels, depth = drawn(mount.lens, hulls)
        self._depth = depth.mean(axis=1) if len(depth) else np.zeros(0)
        self._low, self._high = pixels.min(axis=1), pixels.max(axis=1)
        self._pixels = pixels
        self._hulls: dict[int, Points] = {}

    def rows_of(self, owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of the groups whose owner is in the picture and seen at all."""
        return np.flatnonzero(np.isin(owners, self._bodies) & (self._visible[owners] > 0))

    def free(self, owner: int, spread: Callable[[], Points], depth: float) -> float:
        """The share of a part that no nearer road user's outline covers.

        Args:
            owner: Whose part; -1 for nobody's.
            spread: Gives points spread over it, pixels, [P, 2].
            depth: How far away it is, metres.
        """
        if owner >= 0 and self._visible[owner] >= FREE:
            return 1.0
        points = spread()
        low, high = points.min(axis=0), points.max(axis=0)
        near = (self._depth < depth - NEARER_M) & (self._bodies != owner)
        near &= (self._low <= high).all(axis=1) & (self._high >= low).all(axis=1)
        hidden = np.zeros(len(points), np.bool_)
        for row in np.flatnonzero(near).tolist():
            if row not in self._hulls:
                hull = cv2.convexHull(self._pixels[row].astype(np.float32))[:, 0]
                self._hulls[row] = hull.astype(np.float64)
            hidden |= _inside(points, self._hulls[row])
        return float(1 - hidden.mean())


def observe(world: World, place: Place, mount: Mount, step: int, visible: Points) -> Observation:
    """What a camera sees at one step; for many steps make an ``Observer``.

    Args:
        world: The world.
        place: Its place.
        mount: The camera.
        step: Which step.
        visible: The share of each road user that no other hides, [N].
    """
    there = np.flatnonzero(world.present[step]).tolist()
    return Observer(world, place, mount, there).at(step, visible)


def _large(found: Points) -> NDArray[np.bool_]:
    sides = np.nan_to_num(found[:, 2:] - found[:, :2])
    return np.asarray((sides >= LEAST_PX).all(axis=1))


def _inside(points: Points, hull: Points) -> NDArray[np.bool_]:
    """Which points lie in a convex polygon of either sense."""
    edges = np.roll(hull, -1, axis=0) - hull
    off = points[:, None] - hull
    side = edges[:, 0] * off[..., 1] - edges[:, 1] * off[..., 0]
    return np.asarray((side >= 0).all(axis=1) | (side <= 0).all(axis=1))


def _areas(quads: Points) -> Points:
    """Signed areas of quadrangles [N, 4, 2], by their diagonals, [N]."""
    first, second = quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1]
    return np.asarray(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2


def _grid(quad: Points) -> Points:
    """Points spread evenly over a quadrangle, [SAMPLES², 2]."""
    share = (np.arange(SAMPLES) + 0.5) / SAMPLES
    u, v = (each.ravel()[:, None] for each in np.meshgrid(share, share))
    top, bottom = quad[0] + u * (quad[1] - quad[0]), quad[3] + u * (quad[2] - quad[3])
    return np.asarray(top + v * (bottom - top))


def _shrunk(points: Points) -> Points:
    """Points drawn a little towards their middle, so that those on the rim count as inside."""
    middle = points.mean(axis=0)
    return np.asarray(middle + 0.85 * (points - middle))


def _around(middle: Points, radius: float) -> Points:
    """Points spread over a head, [17, 2]."""
    return np.asarray(middle + 0.8 * radius * _RING)


def _ring() -> Points:
    turn = np.arange(8) * np.pi / 4
    rim = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.concatenate([np.zeros((1, 2)), rim / 2, rim])


_RING: Final = _ring()
