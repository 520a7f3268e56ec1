from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.lamps import LampReader, read_lamp
from vision.scene import LampBox
from vision.signals import SignalState
from vision.source.picture import Image, Picture

ORDER = ("red", "yellow", "green")
HUES = {"red": (176, 2), "yellow": (10, 24), "green": (58, 88)}  # as on real heads


def draw(
    lit: dict[int, str],
    parts: int = 3,
    side: int = 16,
    level: int = 255,
    ground: int = 30,
    hue: float = 0.5,
    burnt: bool = False,
) -> Image:
    """An upright head. ``lit`` says which place shows which colour."""
    image = np.full((side * parts, side, 3), ground, np.uint8)
    for place, name in lit.items():
        low, high = HUES[name]
        span = (high - low) % 180
        tone = int(low + hue * span) % 180
        colour = cv2.cvtColor(np.array([[[tone, 230, level]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
        centre = (side // 2, side * place + side // 2)
        cv2.circle(image, centre, round(side * 0.42), colour.tolist(), -1)
        if burnt:
            cv2.circle(image, centre, round(side * 0.28), (255, 255, 255), -1)
    return image


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(ORDER),
    side=st.integers(8, 40),
    level=st.integers(150, 255),
    ground=st.integers(5, 70),
    hue=st.floats(0, 1),
    burnt=st.booleans(),
    blur=st.floats(0, 0.12),
    noise=st.integers(0, 12),
    quality=st.sampled_from((None, 60, 90)),
    lying=st.booleans(),
)
def test_a_lamp_is_read_right_or_not_at_all(
    name: str,
    side: int,
    level: int,
    ground: int,
    hue: float,
    burnt: bool,
    blur: float,
    noise: int,
    quality: int | None,
    lying: bool,
) -> None:
    image = draw({ORDER.index(name): name}, 3, side, level, ground, hue, burnt)
    if lying:
        image = np.ascontiguousarray(image.transpose(1, 0, 2))
    if blur * side > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur * side), np.uint8)
    grains = np.random.default_rng(side).normal(0, noise, image.shape)
    image = np.clip(image + grains, 0, 255).astype(np.uint8)
    if quality is not None:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    glow = read_lamp(image, ORDER)
    assert glow in (name, "unclear", "dark")
    if side >= 12 and level >= 200 and not burnt and quality != 60:
        assert glow == name


@pytest.mark.parametrize("name", ORDER)
def test_a_night_lamp_with_a_white_core_is_read_by_its_halo(name: str) -> None:
    assert read_lamp(draw({ORDER.index(name): name}, ground=8, burnt=True), ORDER) == name


@pytest.mark.parametrize("ground", [5, 60, 120, 160])
def test_a_head_without_light_is_dark(ground: int) -> None:
    assert read_lamp(draw({}, ground=ground), ORDER) == "dark"


@pytest.mark.parametrize(
    "lit",
    [
        {0: "red", 1: "yellow"},
        {0: "red", 2: "green"},
        {0: "green"},
        {2: "red"},
        {1: "red"},
        {0: "yellow"},
    ],
)
def test_two_lights_or_one_in_the_wrong_place_are_unclear(lit: dict[int, str]) -> None:
    assert read_lamp(draw(lit), ORDER) == "unclear"


def test_a_green_arrow_beside_the_red_is_not_a_green_light() -> None:
    order = (*ORDER, "arrow")
    assert read_lamp(draw({0: "red", 3: "green"}, parts=4), order) == "red"
    assert read_lamp(draw({3: "green"}, parts=4), order) == "dark"


def test_a_countdown_is_not_a_light() -> None:
    order = ("countdown", *ORDER)
    assert read_lamp(draw({0: "red"}, parts=4), order) == "dark"
    assert read_lamp(draw({0: "red", 3: "green"}, parts=4), order) == "green"


def test_an_orange_core_in_a_red_lamp_is_red() -> None:
    image = draw({0: "red"})
    cv2.rectangle(image, (7, 4), (9, 12), (60, 190, 255), -1)  # a red LED arrow, burnt
    assert read_lamp(image, ORDER) == "red"


def test_a_sign_at_the_edge_of_a_slipped_box_is_no_lamp() -> None:
    image = draw({})
    image[36:48, :3] = (60, 200, 40)
    assert read_lamp(image, ORDER) == "unclear"


def test_glare_and_too_small_a_head_are_unclear() -> None:
    glare = np.full((48, 16, 3), 250, np.uint8)
    glare[:, :5] = 20
    assert read_lamp(glare, ORDER) == "unclear"
    assert read_lamp(draw({0: "red"}, side=3), ORDER) == "unclear"
    assert read_lamp(np.empty((0, 0, 3), np.uint8), ORDER) == "unclear"


# Over time


class Junction:
    """A frame with one head, played at a rate."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.reader = LampReader([LampBox("h1", (100, 40, 116, 88), ORDER)])
        self.frame = 0
        self.said: list[SignalState] = []

    def play(self, seconds: float, show: Callable[[float], Image | str | None]) -> Junction:
        """Show an image, a colour or nothing; ``show`` is given the time within this play."""
        start = self.frame
        while (self.frame - start) / self.fps < seconds - 1e-9:
            shown = show((self.frame - start) / self.fps)
            frame = np.full((120, 200, 3), 90, np.uint8)
            head = shown if isinstance(shown, np.ndarray) else self._head(shown)
            frame[40:88, 100:116] = head
            for name, state in self.reader.read(Picture(bgr=frame), self.frame / self.fps):
                assert name == "h1"
                assert state.origin == "image"
                self.said.append(state)
            self.frame += 1
        return self

    @staticmethod
    def _head(colour: str | None) -> Image:
        return draw({} if colour is None else {ORDER.index(colour): colour})

    @property
    def phases(self) -> list[str]:
        return [state.phase for state in self.said]


RATES = pytest.mark.parametrize("fps", [6, 12.5, 25])


@RATES
def test_a_program_is_told_with_the_time_of_each_change(fps: float) -> None:
    junction = Junction(fps)
    for seconds, colour in ((5.0, "red"), (6.0, "green"), (3.0, "yellow"), (4.0, "red")):
        junction.play(seconds, lambda _, colour=colour: colour)  # type: ignore[misc]
    assert junction.phases == ["red", "green", "yellow", "red"]
    for state, begun in zip(junction.said, (0, 5, 11, 14), strict=True):
        # The change lies between two frames, and a play is rounded up to whole frames.
        assert state.since_s == pytest.approx(begun, abs=2.01 / fps)
    assert (junction.reader.shifts, junction.reader.jumps) == (0, 0)


def test_the_change_is_put_between_the_frames_that_show_it() -> None:
    junction = Junction(10).play(1.0, lambda _: "red").play(1.0, lambda _: "green")
    assert junction.said[1].since_s == pytest.approx(0.95)


@RATES
def test_a_light_seen_for_a_moment_is_not_told(fps: float) -> None:
    junction = Junction(fps).play(2, lambda _: "red").play(0.2, lambda _: "green")
    assert junction.phases == ["red"]


@RATES
def test_a_flicker_up_to_a_second_does_not_end_a_light(fps: float) -> None:
    junction = Junction(fps).play(2, lambda _: "red").play(0.8, lambda _: None)
    assert junction.play(2, lambda _: "red").phases == ["red"]


def test_a_led_that_every_other_frame_shows_dark_is_read() -> None:
    junction = Junction(25).play(3, lambda at: "red" if round(at * 25) % 2 else None)
    junction.play(3, lambda at: "green" if round(at * 25) % 2 else None)
    assert junction.phases == ["red", "green"]


@RATES
def test_a_light_that_stays_dark_is_unknown_from_its_end_on(fps: float) -> None:
    junction = Junction(fps).play(2, lambda _: "red").play(3, lambda _: None)
    assert junction.phases == ["red", "unknown"]
    assert junction.said[1].since_s == pytest.approx(2, abs=1.01 / fps)
    junction.play(1, lambda _: "red")
    assert junction.phases == ["red", "unknown", "red"]


@RATES
def test_flashing_yellow_is_flashing_until_a_light_stays(fps: float) -> None:
    junction = Junction(fps).play(8, lambda at: "yellow" if at % 1 < 0.5 else None)
    assert junction.phases == ["yellow", "flashing"]
    junction.play(2, lambda _: "red")
    assert junction.phases[-1] == "red"


def test_a_flickering_yellow_is_not_flashing() -> None:
    junction = Junction(25).play(4, lambda at: None if round(at * 25) % 5 == 4 else "yellow")
    assert junction.phases == ["yellow"]


def test_two_jumps_within_a_second_are_unknown_and_counted() -> None:
    junction = Junction(12.5).play(2, lambda _: "red").play(0.4, lambda _: "green")
    junction.play(0.5, lambda _: "red")
    assert junction.phases[-1] == "unknown"
    assert junction.reader.jumps == 1
    junction.play(2, lambda _: "red")
    assert junction.phases[-1] == "red"


def test_a_moved_camera_ends_what_was_known_and_is_counted() -> None:
    wall = np.full((48, 16, 3), 180, np.uint8)
    junction = Junction(25).play(2, lambda _: "red").play(0.2, lambda _: wall)
    assert junction.phases == ["red", "unknown"]
    assert junction.reader.shifts == 1


def test_a_stalled_camera_ends_what_was_known() -> None:
    junction = Junction(25).play(2, lambda _: "red")
    junction.frame += 100
    junction.play(0.04, lambda _: "red")
    assert junction.phases == ["red", "unknown"]
    junction.play(1, lambda _: "red")
    assert junction.phases == ["red", "unknown", "red"]
    assert junction.said[-1].since_s >= 6


@settings(max_examples=50, deadline=None)
@given(
    shown=st.lists(
        st.tuples(st.sampled_from(("red", "yellow", "green", None)), st.integers(1, 40)),
        max_size=12,
    ),
    fps=st.sampled_from((2.0, 6.0, 25.0)),
)
def test_times_never_run_back_and_no_colour_is_made_up(
    shown: list[tuple[str | None, int]], fps: float
) -> None:
    junction = Junction(fps)
    colours: Iterator[str | None] = iter([name for name, count in shown for _ in range(count)])
    total = sum(count for _, count in shown)
    junction.play(total / fps, lambda _: next(colours))
    since = [state.since_s for state in junction.said]
    assert since == sorted(since)
    seen = {name for name, _ in shown}
    assert {p for p in junction.phases if p not in ("unknown", "flashing")} <= seen
    assert all(a != b for a, b in zip(junction.phases, junction.phases[1:], strict=False))
