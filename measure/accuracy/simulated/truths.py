"""The simulator's truth of a clip as the accuracy wants it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from ioc.events import Rule, VehicleClass
from measure.accuracy.simulated.boxes import ClipBoxes
from measure.accuracy.simulated.eyes import START, TRUE_SCORE
from measure.accuracy.simulated.plates import TruePlate
from measure.accuracy.simulated.watched import Clip, TrueAct
from simulator.place import Mount
from simulator.truth.truth import PART_KINDS, Truth
from vision.detect.detected import Detected
from vision.detect.detections import CLASS_ID, Detections
from vision.detect.parts import PART_ID, Parts
from vision.signal_feed import PhaseChange

VISIBLE: Final = 0.3
"""True boxes of which others leave less are not handed to the rules: nobody could see them."""

LEAST_PX: Final = 8.0
"""Nor are those with a side below this: the detector's own pictures show nothing there."""

LASTING: Final[frozenset[Rule]] = frozenset({"no_helmet", "wrong_way", "wrong_lane", "speeding"})
"""Rules whose act goes on for a time, so that any instant of it is right. The others' acts are one
instant: a line or a border is crossed, a vehicle comes to rest."""


def clip_of(truth: Truth, mount: Mount) -> Clip:
    """What the clip is."""
    return Clip(
        place=truth.place,
        camera=truth.camera,
        seed=truth.seed,
        conditions=truth.conditions,
        rate=truth.rate,
        frames=truth.frames,
        rules=tuple(watch.rule for watch in mount.watches),
        size=(mount.lens.width, mount.lens.height),
    )


def acts_of(truth: Truth) -> tuple[TrueAct, ...]:
    """The violations, with the times that are right for each."""
    return tuple(
        TrueAct(
            rule=act.rule,
            body=act.body,
            vehicle=act.kind,
            at_s=act.at_s,
            from_s=act.from_s if act.rule in LASTING else act.at_s,
            until_s=act.until_s if act.rule in LASTING else act.at_s,
            lane=act.lane,
            head=act.head,
            doubtful=act.doubtful,
            why=act.why,
        )
        for act in truth.acts
    )


def boxes_of(truth: Truth) -> ClipBoxes:
    """All road users, frame by frame."""
    kinds = np.zeros(max([-1, *(one.id for one in truth.vehicles)]) + 1, np.int64)
    for one in truth.vehicles:
        kinds[one.id] = CLASS_ID[one.kind]
    table = truth.boxes
    return ClipBoxes(
        table.step,
        table.body,
        table.xyxy.astype(np.float32),
        kinds[table.body],
        table.visible.astype(np.float32),
        truth.frames,
    )


def plates_of(truth: Truth) -> tuple[TruePlate, ...]:
    """Every plate at its best."""
    return tuple(
        TruePlate(one.body, one.text, len(one.lines), one.height_px) for one in truth.plates
    )


def counts_of(truth: Truth) -> dict[tuple[str, VehicleClass], int]:
    """(line, class) → crossings."""
    counts: dict[tuple[str, VehicleClass], int] = {}
    for one in truth.counts:
        counts[one.line, one.kind] = counts.get((one.line, one.kind), 0) + one.count
    return counts


def signals_of(truth: Truth) -> deque[PhaseChange]:
    """The changes of light as the controller tells them, in the order of time."""
    ordered = sorted(truth.changes, key=lambda change: change.at_s)
    return deque(
        PhaseChange(one.head, one.phase, START + timedelta(seconds=one.at_s)) for one in ordered
    )


def detections_of(truth: Truth) -> Iterator[Detected]:
    """What a perfect detector would find in each frame."""
    boxes, parts = boxes_of(truth), truth.parts
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    shown = (boxes.share >= VISIBLE) & (sides.min(axis=1, initial=np.inf) >= LEAST_PX)
    number = {place: PART_ID[name] for place, name in enumerate(PART_KINDS) if name in PART_ID}
    known = np.array([number.get(place, -1) for place in range(len(PART_KINDS))], np.int64)
    part_id = known[parts.kind]
    part_sides = parts.xyxy[:, 2:] - parts.xyxy[:, :2]
    part_shown = (parts.visible >= VISIBLE) & (part_id >= 0)
    part_shown &= part_sides.min(axis=1, initial=np.inf) >= LEAST_PX
    for frame in range(truth.frames):
        span, part_span = boxes.span(frame, frame), parts.rows(frame)
        rows = span.start + np.flatnonzero(shown[span])
        part_rows = part_span.start + np.flatnonzero(part_shown[part_span])
        yield Detected(
            Detections(
                boxes.xyxy[rows],
                np.full(len(rows), TRUE_SCORE, np.float32),
                boxes.class_id[rows],
            ),
            Parts(
                parts.xyxy[part_rows].astype(np.float32),
                np.full(len(part_rows), TRUE_SCORE, np.float32),
                part_id[part_rows],
            ),
        )
