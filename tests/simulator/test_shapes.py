"""What road users look like: sizes, silhouettes, normals, heads, plates."""

from __future__ import annotations

import dataclasses
import math
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.events import VehicleClass
from simulator.camera import Lens
from simulator.shapes.mesh import heads, hull_points, mesh, plate_quads, riders
from simulator.world import Body, PlateSign

BIKE: Final = PlateSign(("95-B1", "123.45"), "95-B1 123.45")
SHORT: Final = PlateSign(("95C", "123.45"), "95C 123.45", "yellow")
LONG: Final = PlateSign(("95A-123.45",), "95A-123.45")

# Length, width, height, rear axle, front axle, plate, riders' helmets.
SIZES: Final[dict[VehicleClass, tuple[tuple[object, ...], ...]]] = {
    "motorcycle": (
        (1.90, 0.72, 1.62, 0.34, 0.31, BIKE, (True,)),
        (1.95, 0.74, 1.65, 0.33, 0.33, BIKE, (False, True)),
        (1.90, 0.72, 1.62, 0.34, 0.31, None, (True, False, True)),
        (1.90, 0.72, 1.12, 0.34, 0.31, BIKE, ()),
    ),
    "car": (
        (3.75, 1.65, 1.50, 0.62, 0.72, LONG, ()),
        (4.45, 1.76, 1.47, 0.95, 0.85, SHORT, ()),
        (4.75, 1.86, 1.80, 0.98, 0.88, LONG, ()),
        (5.30, 1.90, 1.85, 1.20, 0.95, SHORT, ()),
    ),
    "truck": ((5.30, 1.86, 2.30, 1.15, 1.05, SHORT, ()), (7.10, 2.25, 2.75, 1.75, 1.20, LONG, ())),
    "bus": ((6.90, 2.05, 2.75, 1.65, 1.25, LONG, ()), (9.60, 2.45, 3.05, 2.50, 1.90, SHORT, ())),
    "three_wheeler": (
        (3.10, 1.28, 1.70, 0.55, 0.32, BIKE, ()),
        (3.10, 1.28, 1.70, 0.55, 0.32, BIKE, (False,)),
    ),
    "bicycle": ((1.72, 0.58, 1.68, 0.34, 0.34, None, (False,)),),
    "pedestrian": ((0.45, 0.55, 1.66, 0.1, 0.1, None, ()),),
    "other": ((1.90, 1.00, 1.90, 0.40, 0.40, None, ()),),
}


def body_of(kind: VehicleClass, which: int, look: int) -> Body:
    long, wide, high, rear, front, plate, helmets = SIZES[kind][which % len(SIZES[kind])]
    return Body(0, kind, long, wide, high, rear, front, (60, 90, 160), plate, helmets, look)  # type: ignore[arg-type]


BODIES: Final = [
    body_of(kind, which, look)
    for kind, sizes in SIZES.items()
    for which in range(len(sizes))
    for look in range(5)
]
any_body = st.builds(body_of, st.sampled_from(list(SIZES)), st.integers(0, 3), st.integers(0, 24))


def named(body: Body) -> str:
    return f"{body.kind}-{body.length}-{body.look}"


@pytest.mark.parametrize("body", BODIES, ids=named)
def test_the_mesh_fills_its_box_and_stands_on_the_road(body: Body) -> None:
    solid = mesh(body)
    low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
    half = (body.length / 2, body.width / 2)
    np.testing.assert_allclose(low, (-half[0], -half[1], 0.0), atol=1e-5)
    np.testing.assert_allclose(high, (half[0], half[1], body.height), atol=1e-5)
    assert 150 <= len(solid.triangles) <= 2400


@pytest.mark.parametrize("body", [one for one in BODIES if one.kind != "pedestrian"], ids=named)
def test_wheels_touch_the_road_at_the_axles(body: Body) -> None:
    solid = mesh(body)
    ground = solid.vertices[solid.vertices[:, 2] < 0.012, 0]
    ends = (-body.length / 2 + body.rear_axle, body.length / 2 - body.front_axle)
    for axle in ends:
        assert np.abs(ground - axle).min() < 0.05
    # Nothing else is as low.
    assert np.minimum(np.abs(ground - ends[0]), np.abs(ground - ends[1])).max() < 0.25


@pytest.mark.parametrize("body", BODIES, ids=named)
def test_normals_are_of_unit_length_and_point_outward(body: Body) -> None:
    solid = mesh(body)
    np.testing.assert_allclose(np.linalg.norm(solid.normals, axis=1), 1.0, atol=1e-4)
    a, b, c = (solid.vertices[solid.triangles[:, place]].astype(np.float64) for place in range(3))
    turn = np.cross(b - a, c - a)
    assert np.all(np.einsum("fi,fi->f", turn, solid.normals) > 0)
    # A ray from far outside meets a front first: seen from all around, the nearest face of the
    # solid along a line is one that looks at the eye.
    rng = np.random.default_rng(1)
    middle = np.array([0.0, 0.0, body.height / 2])
    for _ in range(60):
        way = rng.normal(size=3)
        way /= np.linalg.norm(way)
        aim = middle + rng.uniform(-0.35, 0.35, 3) * (body.length, body.width, body.height)
        eye = aim - way * 30
        met = _met(a, b, c, eye, way)
        if met is not None:
            assert float(solid.normals[met] @ way) < 0


def _met(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, eye: np.ndarray, way: np.ndarray
) -> int | None:
    """The first triangle on a ray (Möller and Trumbore 1997)."""
    e1, e2 = b - a, c - a
    p = np.cross(way, e2)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 1 / np.einsum("fi,fi->f", e1, p)
        t = eye - a
        u = np.einsum("fi,fi->f", t, p) * scale
        q = np.cross(t, e1)
        v = q @ way * scale
        far = np.einsum("fi,fi->f", e2, q) * scale
        hit = (u > 1e-6) & (v > 1e-6) & (u + v < 1 - 1e-6) & (far > 0)
    return int(np.where(hit, far, np.inf).argmin()) if hit.any() else None


@settings(max_examples=150, deadline=None)
@given(
    body=any_body,
    turn=st.floats(-math.pi, math.pi),
    around=st.floats(-math.pi, math.pi),
    far=st.floats(9, 60),
    high=st.floats(3.0, 9.0),
)
def test_the_hull_has_the_meshs_box_in_every_view(
    body: Body, turn: float, around: float, far: float, high: float
) -> None:
    x, y = -far * math.cos(around), -far * math.sin(around)
    lens = Lens(x, y, high, around, math.atan2(high - 0.8, far), 8.0, 7.2, 1920, 1080, -0.03)
    c, s = math.cos(turn), math.sin(turn)
    matrix = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    boxes = []
    for points in (mesh(body).vertices, hull_points(body)):
        pixels, _ = lens.project(points.astype(np.float64) @ matrix.T)
        boxes.append([*pixels.min(axis=0), *pixels.max(axis=0)])
    assert len(hull_points(body)) <= 60
    # A pixel, and at 9 m, where a motorcycle is 360 wide, 1.1 were seen.
    size = max(boxes[0][2] - boxes[0][0], boxes[0][3] - boxes[0][1])
    np.testing.assert_allclose(boxes[0], boxes[1], rtol=0, atol=max(1.0, 0.005 * size))


@pytest.mark.parametrize("body", [one for one in BODIES if one.helmets], ids=named)
def test_each_rider_has_a_head_that_the_mesh_shows(body: Body) -> None:
    found = heads(body)
    assert len(found) == len(body.helmets) == len(riders(body))
    solid = mesh(body)
    for (x, y, z, radius), hull in zip(found, riders(body), strict=True):
        assert 0.09 < radius < 0.2
        assert z < body.height
        far = np.linalg.norm(solid.vertices - (x, y, z), axis=1)
        assert (far < radius * 1.02).sum() > 20
        low, high = hull.min(axis=0), hull.max(axis=0)
        assert low[0] < x < high[0]
        assert low[1] < y < high[1]
        assert high[2] == pytest.approx(z + radius, abs=0.06)
    # Driver first: the others sit behind.
    ahead = [head[0] for head in found]
    assert ahead == sorted(ahead, reverse=True)


def _above(body: Body) -> np.ndarray:
    """Mean colour of what a head shows to somebody behind and above."""
    solid = mesh(body)
    x, y, z, radius = heads(body)[0]
    middle = solid.vertices[solid.triangles].mean(axis=1)
    near = np.linalg.norm(middle - (x, y, z), axis=1) < radius
    way = np.array([-0.8, 0.0, 0.6])
    part = near & (solid.normals @ way > 0.3) & (middle[:, 2] > z)
    return np.asarray(solid.colours[part].astype(np.float64).mean(axis=0))


def test_a_bare_head_is_smaller_and_duller_than_a_helmet() -> None:
    dull = 0
    for look in range(16):
        with_one, without = (
            dataclasses.replace(BODIES[0], look=look, helmets=(helmet,)) for helmet in (True, False)
        )
        assert heads(with_one)[0][3] > 1.1 * heads(without)[0][3]
        dull += _above(without).max() < 90 < _above(with_one).max()
    assert dull >= 12  # caps and black helmets are the rest


@pytest.mark.parametrize("body", [one for one in BODIES if one.plate], ids=named)
def test_plates_have_their_true_size_and_face_outward(body: Body) -> None:
    quads = plate_quads(body)
    both = body.kind in ("car", "truck", "bus")
    assert quads.shape == (2 if both else 1, 4, 3)
    size = (0.19, 0.14) if not both else (0.52, 0.11) if body.plate == LONG else (0.33, 0.165)
    for number, (left_top, right_top, right_low, left_low) in enumerate(quads.astype(np.float64)):
        across, down = right_top - left_top, left_low - left_top
        assert np.linalg.norm(across) == pytest.approx(size[0], abs=1e-5)
        assert np.linalg.norm(down) == pytest.approx(size[1], abs=1e-5)
        np.testing.assert_allclose(right_low - left_low, across, atol=1e-5)
        assert down[2] < 0
        # Who reads it sees left to right: the face looks backward, that of the front one ahead.
        face = np.cross(down, across)
        assert math.copysign(1.0, face[0]) == (-1.0 if number == 0 else 1.0)
        assert np.sign(left_top[0]) == np.sign(face[0])
        assert left_low[2] > 0.1
        assert np.abs(quads[number][:, 0]).max() < body.length / 2 + 0.03


@pytest.mark.parametrize("body", [one for one in BODIES if one.plate], ids=named)
def test_nothing_of_the_vehicle_hides_its_plates(body: Body) -> None:
    solid = mesh(body)
    a, b, c = (solid.vertices[solid.triangles[:, place]].astype(np.float64) for place in range(3))
    for number, corners in enumerate(plate_quads(body).astype(np.float64)):
        back = -1.0 if number == 0 else 1.0
        eye = np.array([back * (body.length / 2 + 12), 0.0, 5.5])
        for u in (0.03, 0.5, 0.97):
            for v in (0.03, 0.5, 0.97):
                upper = corners[0] + u * (corners[1] - corners[0])
                lower = corners[3] + u * (corners[2] - corners[3])
                aim = upper + v * (lower - upper)
                far = float(np.linalg.norm(aim - eye))
                way = (aim - eye) / far
                met = _met(a, b, c, eye, way)
                if met is not None:
                    there = solid.vertices[solid.triangles[met, 0]]
                    normal = solid.normals[met].astype(np.float64)
                    reach = float((there - eye) @ normal / (way @ normal))
                    assert reach > far


def test_equal_road_users_share_one_mesh_whatever_their_plates_say() -> None:
    one = body_of("car", 0, 3)
    other = dataclasses.replace(one, id=7, plate=PlateSign(("65A-999.99",), "65A-999.99", "blue"))
    assert mesh(one) is mesh(other)
    assert mesh(dataclasses.replace(one, look=4)) is not mesh(one)


def test_lamps_can_burn() -> None:
    for kind in ("motorcycle", "car", "truck", "bus", "three_wheeler"):
        for look in range(6):
            assert {1, 2, 3} <= set(mesh(body_of(kind, 0, look)).glow.tolist())


def test_looks_differ() -> None:
    for kind, least in (("motorcycle", 3), ("car", 3), ("truck", 3), ("bus", 3)):
        made = {
            hash(mesh(body_of(kind, which, look)).vertices.tobytes())  # type: ignore[arg-type]
            for look in range(6)
            for which in (0,)
        }
        assert len(made) >= least
