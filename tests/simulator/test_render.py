"""What a camera shows of hand-made worlds: where bodies are, what hides them, lights, weather."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ioc.events import VehicleClass
from simulator.camera import Lens
from simulator.conditions import Conditions
from simulator.place import Mount, Place
from simulator.places.vi_thanh import VI_THANH
from simulator.render.renderer import Renderer, coverage
from simulator.shapes.mesh import hull_points
from simulator.world import PHASES, Body, PlateSign, World

SIZES: dict[VehicleClass, tuple[float, float, float]] = {
    "car": (4.3, 1.75, 1.5),
    "motorcycle": (1.9, 0.75, 1.65),
    "bus": (10.0, 2.5, 3.2),
}


def body(number: int, kind: VehicleClass) -> Body:
    length, width, height = SIZES[kind]
    two = kind == "motorcycle"
    sign = PlateSign(("95-B1", "123.45") if two else ("95A", "123.45"), "95A12345")
    return Body(
        number, kind, length, width, height, 0.3 if two else 0.9, 0.3 if two else 0.9,
        (40, 40, 200), sign, (True,) if two else (), 1,
    )  # fmt: skip


def world(
    bodies: Sequence[tuple[VehicleClass, float, float]],
    conditions: Conditions | None = None,
    *,
    speed: float = 0.0,
    phase: str = "red",
    braking: bool = False,
    seed: int = 1,
) -> World:
    """Bodies that look north and drive on from where they are put."""
    steps, count = 3, len(bodies)
    at = np.arange(steps)[:, None] * speed / 12.5
    return World(
        place=VI_THANH.id,
        seed=seed,
        conditions=conditions or Conditions(),
        rate=12.5,
        bodies=tuple(body(n, kind) for n, (kind, _, _) in enumerate(bodies)),
        present=np.ones((steps, count), np.bool_),
        x=np.tile([x for _, x, _ in bodies], (steps, 1)).astype(float),
        y=np.array([y for _, _, y in bodies]).reshape(1, -1) + at,
        heading=np.full((steps, count), math.pi / 2),
        speed=np.full((steps, count), speed),
        braking=np.full((steps, count), braking),
        heads=("head-s",),
        phases=np.full((steps, 1), PHASES.index(phase), np.int8),
        changes=(("head-s", -1.0, "red"),),
        intents=(),
    )


def mount(place: Place = VI_THANH) -> Mount:
    """The place's camera at a third of its resolution: the same view, a tenth of the time."""
    one = place.mounts[0]
    return replace(one, lens=replace(one.lens, width=640, height=360))


def box_of(lens: Lens, one: Body, x: float, y: float) -> tuple[float, float, float, float]:
    """Where a body that looks north is seen: left, top, right, bottom."""
    ahead, left_side, up = hull_points(one).astype(float).T
    pixels, _ = lens.project(np.stack([x - left_side, y + ahead, up], axis=1))
    left, top = pixels.min(axis=0)
    right, bottom = pixels.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def changed(a: NDArray[np.uint8], b: NDArray[np.uint8], least: int = 25) -> NDArray[np.bool_]:
    return np.asarray(np.abs(a.astype(int) - b.astype(int)).max(axis=-1) > least)


def test_a_car_is_where_the_lens_projects_it() -> None:
    camera = mount()
    # Under clouds, so that no shadow of the sun lies beside the car.
    air = Conditions(weather="rain")
    with_car = Renderer(world([("car", 4.0, -16.0)], air), VI_THANH, camera).frame(0)
    without = Renderer(world([("car", 4.0, 90.0)], air), VI_THANH, camera).frame(0)
    mask = cv2.erode(changed(with_car, without, 30).astype(np.uint8), np.ones((3, 3)))
    rows, columns = np.nonzero(mask)
    left, top, right, bottom = box_of(camera.lens, body(0, "car"), 4.0, -16.0)
    assert columns.min() == pytest.approx(left, abs=4)
    assert columns.max() == pytest.approx(right, abs=4)
    assert rows.min() == pytest.approx(top, abs=4)
    assert rows.max() == pytest.approx(bottom, abs=10)


@pytest.mark.parametrize("weather", ["clear", "rain", "fog", "glare"])
def test_pictures_are_the_same_for_the_same_seed_in_any_order(weather: str) -> None:
    air = Conditions("dusk", weather)  # type: ignore[arg-type]
    one = world([("car", 4.0, -14.0), ("motorcycle", 8.0, -16.0)], air, speed=8.0)
    forward = Renderer(one, VI_THANH, mount())
    first = [forward.frame(step) for step in range(3)]
    backward = Renderer(one, VI_THANH, mount())
    for step in (2, 1, 0):
        assert np.array_equal(backward.frame(step), first[step])


def test_noise_differs_from_step_to_step_and_seed_to_seed() -> None:
    renderer = Renderer(world([]), VI_THANH, mount())
    other = Renderer(world([], seed=2), VI_THANH, mount())
    a, b, c = renderer.frame(0), renderer.frame(1), other.frame(0)
    assert 0.2 < np.abs(a.astype(float) - b).mean() < 4
    assert not np.array_equal(a, c)


def test_a_vehicle_that_left_leaves_nothing_behind() -> None:
    """Tiles are put back: a moved car's old place looks as if it had never been there."""
    moving = world([("car", 4.0, -18.0)], speed=60.0)
    renderer = Renderer(moving, VI_THANH, mount())
    renderer.frame(0)
    later = renderer.frame(2)
    fresh = Renderer(moving, VI_THANH, mount()).frame(2)
    assert np.array_equal(later, fresh)


def test_the_lamp_of_the_phase_burns() -> None:
    camera = mount()
    lamps = {}
    for phase in ("red", "yellow", "green", "unknown"):
        picture = Renderer(world([], phase=phase), VI_THANH, camera).frame(0)
        head = VI_THANH.heads[0]
        spots = np.array([(head.x, head.y - 0.12, head.z + dz) for dz in (1 / 3, 0, -1 / 3)])
        pixels, _ = camera.lens.project(spots)
        lamps[phase] = [picture[int(y), int(x)].astype(int) for x, y in pixels]
    blue, green, red = range(3)
    assert lamps["red"][0][red] > 180 > lamps["unknown"][0][red]
    assert lamps["red"][0][red] > lamps["red"][0][green] + 60
    assert lamps["yellow"][1][red] > 180 and lamps["yellow"][1][green] > 120
    assert lamps["green"][2][green] > 180 > lamps["red"][2][green]
    assert lamps["green"][2][green] > lamps["green"][2][red]
    assert blue == 0


def test_brake_lights_and_headlights_at_night() -> None:
    night = Conditions("night")
    camera = mount()
    plain = Renderer(world([("car", 4.0, -14.0)], night), VI_THANH, camera).frame(0)
    brake = Renderer(world([("car", 4.0, -14.0)], night, braking=True), VI_THANH, camera).frame(0)
    empty = Renderer(world([("car", 4.0, 90.0)], night), VI_THANH, camera).frame(0)
    left, top, right, bottom = (int(v) for v in box_of(camera.lens, body(0, "car"), 4.0, -14.0))
    rear = (slice(top, bottom), slice(left, right))
    assert brake[rear][..., 2].astype(int).sum() > plain[rear][..., 2].astype(int).sum() * 1.02
    (x, y), *_ = camera.lens.project(np.array([[4.0, -6.0, 0.0]]))[0]
    ahead = (slice(int(y) - 3, int(y) + 4), slice(int(x) - 3, int(x) + 4))
    assert plain[ahead].mean() > empty[ahead].mean() + 15, "its beam lights the road"


def test_light_and_weather_show() -> None:
    camera = mount()

    def shown(*air: str) -> NDArray[np.uint8]:
        conditions = Conditions(*air)  # type: ignore[arg-type]
        return Renderer(world([], conditions), VI_THANH, camera).frame(0)

    day, dusk, night = shown("day"), shown("dusk"), shown("night")
    assert day.mean() > dusk.mean() + 8 > night.mean() + 16
    assert shown("day", "fog").std() < 0.8 * day.std()
    glare = shown("day", "glare")
    assert glare[:60].mean() > glare[-60:].mean() + 15, "the veil comes from the sky"


def test_a_shadow_falls_away_from_the_sun() -> None:
    camera = mount()
    sunny = Renderer(world([("car", 4.0, -16.0)]), VI_THANH, camera)
    sun = sunny._air.sun
    before = Renderer(world([("car", 4.0, 90.0)]), VI_THANH, camera).frame(0)
    after = sunny.frame(0)
    side = -np.sign(sun[0])
    dark = {}
    for way in (-side, side):
        spot = np.array([[4.0 + way * (0.88 + 0.35), -16.0, 0.0]])
        (x, y), *_ = camera.lens.project(spot)[0]
        part = (slice(int(y) - 1, int(y) + 2), slice(int(x) - 1, int(x) + 2))
        dark[way] = before[part].mean() - after[part].mean()
    assert dark[side] > dark[-side]


def test_fast_motion_is_blurred() -> None:
    night = Conditions("night")
    fast = Renderer(world([("motorcycle", 5.0, -17.0)], night, speed=20.0), VI_THANH, mount())
    slow = Renderer(world([("motorcycle", 5.0, -17.0)], night), VI_THANH, mount())

    def detail(picture: NDArray[np.uint8]) -> float:
        left, top, right, bottom = box_of(mount().lens, body(0, "motorcycle"), 5.0, -17.0)
        part = picture[int(top) : int(bottom), int(left) : int(right)]
        grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY).astype(np.float32)
        return float(np.abs(np.diff(grey, axis=0)).mean())

    assert detail(fast.frame(0)) < 0.9 * detail(slow.frame(0))


def test_coverage_of_free_hidden_and_absent() -> None:
    # A bus stands between the camera and the motorcycle behind it; another one is free.
    seen = coverage(
        world(
            [("bus", 4.9, -14.0), ("motorcycle", 4.6, -6.0), ("motorcycle", 9.0, -14.0),
             ("car", 4.0, -120.0)]
        ), VI_THANH, mount(), 0,
    )  # fmt: skip
    assert seen[0] == 1.0
    assert seen[1] < 0.2
    assert seen[2] > 0.95
    assert seen[3] == 0.0


def test_half_hidden_is_about_a_half() -> None:
    # The bus stands before the left half of the car as the camera sees it.
    pair = world([("bus", 4.4, -14.0), ("car", 5.9, -6.0)])
    share = coverage(pair, VI_THANH, mount(), 0)
    assert share[0] == 1.0
    assert 0.25 < share[1] < 0.85


def test_coverage_is_deterministic_and_agrees_after_other_worlds() -> None:
    pair = world([("car", 4.0, -18.0), ("car", 5.0, -12.5)])
    first = coverage(pair, VI_THANH, mount(), 0)
    for seed in range(6):
        coverage(world([("bus", 4.0, -16.0)], seed=seed), VI_THANH, mount(), 0)
    assert np.array_equal(coverage(pair, VI_THANH, mount(), 0), first)


def test_a_signal_pole_hides_a_little() -> None:
    head = VI_THANH.heads[0]
    lens = mount().lens
    way = np.array([head.x - lens.x, head.y - lens.y])
    behind = np.array([head.x, head.y]) + way / np.hypot(*way) * 1.5
    share = coverage(
        world([("motorcycle", float(behind[0]), float(behind[1]))]), VI_THANH, mount(), 0
    )
    assert 0.3 < share[0] < 1.0


def test_a_step_that_is_not_there() -> None:
    with pytest.raises(IndexError, match="step 3; the world has 3"):
        coverage(world([]), VI_THANH, mount(), 3)
    with pytest.raises(IndexError, match="step -1"):
        Renderer(world([]), VI_THANH, mount()).frame(-1)
