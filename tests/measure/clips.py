"""Hand-made clips for the tests of accuracy: two motorcycles side by side, 20 s at 10 a second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ioc.events import Rule, VehicleClass
from measure.accuracy.simulated.boxes import ClipBoxes
from measure.accuracy.simulated.watched import Clip, Flagged, TrueAct, Watched
from simulator.conditions import Conditions
from vision.detect.detections import CLASS_ID

RATE = 10.0
FRAMES = 200
RULES: tuple[Rule, ...] = ("red_light", "no_helmet")


def clip(conditions: Conditions | None = None, seed: int = 1) -> Clip:
    return Clip("city/site", "cam-1", seed, conditions or Conditions(), RATE, FRAMES, RULES)


def boxes(
    ids: tuple[int, ...] = (0, 1),
    frames: range = range(FRAMES),
    vehicle: VehicleClass = "motorcycle",
    share: float = 1.0,
    right: float = 0.0,
) -> ClipBoxes:
    """Road user or track k stands at x = 100 k, 40 wide and 80 high."""
    frame = np.repeat(np.array(frames, np.int64), len(ids))
    name = np.tile(np.array(ids, np.int64), len(frames))
    x = 100.0 * name + right
    edges = np.stack([x, np.full(len(x), 50.0), x + 40, np.full(len(x), 130.0)], axis=1)
    return ClipBoxes(
        frame,
        name,
        edges.astype(np.float32),
        np.full(len(frame), CLASS_ID[vehicle], np.int64),
        np.full(len(frame), share, np.float32),
        FRAMES,
    )


def tracks(names: dict[int, tuple[int, range]]) -> ClipBoxes:
    """Tracks by name: the road user that each lies on, and when."""
    rows = sorted(
        (frame, track, body) for track, (body, frames) in names.items() for frame in frames
    )
    frame, track, body = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    x = 100.0 * body
    edges = np.stack([x, np.full(len(x), 50.0), x + 40, np.full(len(x), 130.0)], axis=1)
    kind = np.full(len(frame), CLASS_ID["motorcycle"], np.int64)
    return ClipBoxes(
        frame, track, edges.astype(np.float32), kind, np.ones(len(frame), np.float32), FRAMES
    )


def act(body: int = 0, at_s: float = 10.0, rule: Rule = "red_light", **more: object) -> TrueAct:
    made = TrueAct(rule, body, "motorcycle", at_s, at_s, at_s, head="head-s")
    return replace(made, **more)  # type: ignore[arg-type]


def flag(track: int = 7, act_s: float = 10.0, rule: Rule = "red_light") -> Flagged:
    return Flagged(rule, track, "motorcycle", act_s, int(act_s * RATE) + 5, None, 0.9, ("vì",))


def watched(
    acts: tuple[TrueAct, ...] = (),
    flagged: tuple[Flagged, ...] = (),
    followed: ClipBoxes | None = None,
    found: ClipBoxes | None = None,
    truth: ClipBoxes | None = None,
    conditions: Conditions | None = None,
    phase: str = "red",
    bare: ClipBoxes | None = None,
) -> Watched:
    none = boxes((), range(0))
    real = boxes() if truth is None else truth
    return Watched(
        clip=clip(conditions),
        acts=acts,
        flagged=flagged,
        truth=real,
        inside=np.ones(len(real), np.float32),
        found=boxes() if found is None else found,
        tracks=tracks({7: (0, range(FRAMES)), 8: (1, range(FRAMES))})
        if followed is None
        else followed,
        heads={"head-s": (phase,) * FRAMES},
        bare=none if bare is None else bare,
        passed=(),
        true_counts={},
    )
