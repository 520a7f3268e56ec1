from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from measure.accuracy.simulated import counts, plates, tracking
from measure.accuracy.simulated.boxes import ClipBoxes
from measure.accuracy.simulated.plates import PlateCase, TruePlate
from measure.accuracy.simulated.watched import Passed, Watched
from simulator.conditions import Conditions
from tests.measure.clips import FRAMES, RATE, boxes, tracks, watched
from vision.evidence.looks import MOST_LOOKS
from vision.plate.reader import PlateReader

WHOLE = range(FRAMES)


def hota(one: Watched) -> float:
    return tracking.run([one], lambda _text: None)[0].scores.hota


def test_a_perfect_tracker_reaches_100() -> None:
    scores = tracking.run([watched()], lambda _text: None)[0].scores
    assert (scores.hota, scores.mota, scores.idf1) == pytest.approx((100, 100, 100))
    assert (scores.switches, scores.extra, scores.missed) == (0, 0, 0)


def test_an_identity_that_changes_costs() -> None:
    broken = tracks({7: (0, range(100)), 9: (0, range(100, FRAMES)), 8: (1, WHOLE)})
    scores = tracking.run([watched(followed=broken)], lambda _text: None)[0].scores
    assert scores.switches == 1
    assert scores.hota < 90


@pytest.mark.parametrize("how", ["hidden", "cut", "tiny"])
@pytest.mark.parametrize("followed", [True, False])
def test_what_nobody_could_follow_counts_neither_way(how: str, followed: bool) -> None:
    truth = boxes()
    second = truth.id == 1
    share, inside, xyxy = truth.share.copy(), np.ones(len(truth), np.float32), truth.xyxy.copy()
    if how == "hidden":
        share[second] = 0.29
    elif how == "cut":
        inside[second] = 0.49
    else:
        xyxy[second, 3] = xyxy[second, 1] + 19
    seen = tracks({7: (0, WHOLE), 8: (1, WHOLE)} if followed else {7: (0, WHOLE)})
    if how == "tiny" and followed:
        seen = replace(seen, xyxy=np.where((seen.id == 8)[:, None], xyxy[1], seen.xyxy))
    one = replace(
        watched(truth=replace(truth, share=share, xyxy=xyxy), followed=seen), inside=inside
    )
    assert hota(one) == pytest.approx(100)


def test_a_track_on_nothing_still_counts_against() -> None:
    ghost = tracks({7: (0, WHOLE), 8: (1, WHOLE), 9: (4, WHOLE)})
    assert tracking.run([watched(followed=ghost)], lambda _text: None)[0].scores.extra == FRAMES


def test_counts_by_line_and_class() -> None:
    day = replace(
        watched(),
        passed=(
            Passed("stop-1", "car", 1.0, 1),
            Passed("stop-1", "truck", 2.0, 2),
            Passed("stop-2", "motorcycle", 3.0, 3),
            Passed("stop-2", "pedestrian", 3.0, 4),
        ),
        true_counts={("stop-1", "car"): 2, ("stop-2", "motorcycle"): 2},
    )
    night = replace(
        watched(conditions=Conditions("night")),
        passed=(Passed("stop-2", "motorcycle", 3.0, 3),) * 2,
        true_counts={("stop-2", "motorcycle"): 2},
    )
    made = {f.name: f.value for f in counts.figures(counts.run([day, night]))}
    assert made["counts.error"] == pytest.approx(100 / 6)
    assert made["counts.error.day"] == pytest.approx(25)
    assert made["counts.error.night"] == 0
    assert made["counts.error_by_line"] == pytest.approx(100 / 6)
    # Of the cars one is a truck, and of the motorcycles one is missing: three off of six.
    assert made["counts.error_by_class"] == pytest.approx(50)
    # 3 instead of 4 in 40 s are 270 and 360 an hour: sqrt(2 * 90² / 630).
    assert made["counts.geh.city.site.cam-1.stop-2"] == pytest.approx(5.071, abs=1e-3)


def case(told: str | None, text: str = "95-B1 123.45", part: str = "day") -> PlateCase:
    return PlateCase(TruePlate(1, text, 2, 24.0), (part,), told, told, 5)


def test_plates_exact_wrong_and_none() -> None:
    cases = [case("95-B1 123.45"), case("95B112345"), case("95-B1 123.46"), case(None, part="rain")]
    made = {f.name: f.value for f in plates.figures(cases)}
    assert made["plates.exact"] == 0.5
    assert made["plates.wrong_confident"] == 0.25
    assert made["plates.none.rain"] == 1
    assert plates.confusion(cases)["5", "6"] == 1


def wider(those: ClipBoxes) -> ClipBoxes:
    """All boxes 20 px wider: from 40 px, at which no plate can be read."""
    return replace(those, xyxy=those.xyxy + np.array([0, 0, 20, 0], np.float32))


def test_the_best_looks_lie_on_the_longest_track_of_the_vehicle() -> None:
    followed = tracks({7: (0, range(20)), 9: (0, range(20, FRAMES)), 8: (1, WHOLE)})
    assert plates.looks_at(watched(followed=followed), 0) == ()  # too small
    one = watched(truth=wider(boxes()), followed=wider(followed))
    looks = plates.looks_at(one, 0)
    assert len(looks) == MOST_LOOKS
    assert min(look.time_s for look in looks) >= 20 / RATE
    assert plates.looks_at(one, 3) == ()


@pytest.fixture
def film(tmp_path: Path) -> Callable[[np.ndarray], Path]:
    def write(picture: np.ndarray) -> Path:
        path = tmp_path / "film.mp4"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("mpeg4", rate=int(RATE))
            stream.height, stream.width = picture.shape[:2]
            stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
            for _ in range(FRAMES):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            out.mux(stream.encode(None))
        return path

    return write


def test_a_plate_is_read_off_the_film(film: Callable[[np.ndarray], Path]) -> None:
    import cv2

    picture = np.full((200, 320, 3), 90, np.uint8)
    cv2.rectangle(picture, (60, 90), (260, 135), (255, 255, 255), -1)
    cv2.putText(picture, "95A-123.45", (66, 125), cv2.FONT_HERSHEY_DUPLEX, 1.05, (0, 0, 0), 2)
    box = np.tile(np.array([30, 20, 290, 180], np.float32), (FRAMES, 1))
    truth = replace(boxes((0,)), xyxy=box)
    one = watched(truth=truth, followed=replace(tracks({7: (0, WHOLE)}), xyxy=box))
    wanted = [TruePlate(0, "95A-123.45", 1, 45.0), TruePlate(1, "65A-111.11", 1, 12.0)]
    (read,) = plates.read_clip(one, wanted, film(picture), PlateReader())
    assert read.looks == MOST_LOOKS
    assert read.outcome == "exact", read
