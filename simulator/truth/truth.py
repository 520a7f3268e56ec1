"""The ground truth of a clip: who is where in each frame, and what they did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from simulator.place import Mount, Place
from simulator.truth.figure import near_view
from simulator.truth.files import TruthFiles, read_truth, write_truth
from simulator.truth.law import judge
from simulator.truth.paths import Paths, Points
from simulator.truth.record import (
    PART_KINDS,
    PHASE_NAMES,
    START,
    BoxTable,
    Change,
    Count,
    PartTable,
    Passage,
    Record,
    TruePlate,
    Truth,
    Vehicle,
)
from simulator.truth.seen import Observation, Observer, Part, observe
from simulator.world import World

__all__ = [
    "PART_KINDS", "PHASE_NAMES", "START", "BoxTable", "Change", "Count", "Observation", "Observer",
    "Part", "PartTable", "Passage", "Record", "TruePlate", "Truth", "TruthFiles", "Vehicle",
    "observe", "read_truth", "truth_of", "write_truth",
]  # fmt: skip

AROUND_S: Final = 1.0
"""A vehicle counts on a line when it is in sight within this time before and after."""

SURE_PLATE: Final = 0.7
"""Of a plate's best sight nothing hides at least this share."""


def truth_of(world: World, place: Place, mount: Mount, visible: Points) -> Truth:
    """The ground truth of what a camera sees of a world.

    Args:
        world: The world.
        place: Its place.
        mount: The camera.
        visible: The share of each road user that no other hides, [T, N].
    """
    # Shapes are dear to make, so none is made of who never comes near the picture.
    near = np.any([near_view(world, mount.lens, step) for step in range(world.steps)], axis=0)
    observer = Observer(world, place, mount, np.flatnonzero(near).tolist())
    seen = [observer.at(step, visible[step]) for step in range(world.steps)]
    boxes, parts = _boxes(seen), _parts(seen)
    passages = _passages(Paths(world, place, mount), mount)
    shown = np.unique(boxes.body).tolist()
    lens = mount.lens
    return Truth(
        place=world.place,
        camera=mount.id,
        seed=world.seed,
        conditions=world.conditions,
        rate=world.rate,
        frames=world.steps,
        width=lens.width,
        height=lens.height,
        start=START,
        heads=world.heads,
        changes=tuple(Change(head, round(at_s, 6), phase) for head, at_s, phase in world.changes),
        vehicles=tuple(_vehicle(world, body) for body in shown),
        acts=judge(world, place, mount, visible),
        intents=world.intents,
        passages=passages,
        counts=_counts(passages),
        plates=_plates(world, parts),
        boxes=boxes,
        parts=parts,
    )


def _vehicle(world: World, number: int) -> Vehicle:
    body = world.bodies[number]
    sign = body.plate
    return Vehicle(
        body.id, body.kind, body.colour, sign.text if sign else None, sign.lines if sign else (),
        sign.colour if sign else None, body.helmets,
    )  # fmt: skip


def _boxes(seen: Sequence[Observation]) -> BoxTable:
    counts = [len(one.bodies) for one in seen]
    return BoxTable(
        np.repeat(np.array([one.step for one in seen], np.int64), counts),
        np.concatenate([one.bodies for one in seen]),
        np.round(np.concatenate([one.boxes for one in seen]), 2),
        np.round(np.concatenate([one.visible for one in seen]), 3),
        np.round(np.concatenate([one.inside for one in seen]), 3),
    )


def _parts(seen: Sequence[Observation]) -> PartTable:
    rows = [(one.step, part) for one in seen for part in one.parts]
    none = (np.nan,) * 8
    return PartTable(
        np.array([step for step, _ in rows], np.int64),
        np.array([part.body for _, part in rows], np.int64),
        np.array([PART_KINDS.index(part.kind) for _, part in rows], np.int64),
        np.round(np.array([part.box for _, part in rows], np.float64).reshape(-1, 4), 2),
        _rounded([part.visible for _, part in rows], 3),
        _rounded([part.height_px for _, part in rows], 2),
        np.round(np.array([part.quad or none for _, part in rows], np.float64).reshape(-1, 8), 2),
        np.array(
            [-1 if part.phase is None else PHASE_NAMES.index(part.phase) for _, part in rows],
            np.int64,
        ),
        tuple(part.text for _, part in rows),
    )


def _rounded(values: Sequence[float], digits: int) -> Points:
    return np.asarray(np.round(np.array(values, np.float64), digits))


def _passages(paths: Paths, mount: Mount) -> tuple[Passage, ...]:
    """Crossings of the lines that are counted, by vehicles that are in sight around them."""
    lines = [
        line
        for line in paths.place.lines
        if line.id in mount.lines and line.kind in ("count", "stop")
    ]
    found: list[Passage] = []
    known: set[tuple[str, int]] = set()
    around = round(AROUND_S * paths.world.rate)
    for one in paths.crossings(lines):
        before = paths.seen[max(0, one.step - around) : one.step + 1, one.body]
        after = paths.seen[one.step + 1 : one.step + 2 + around, one.body]
        # A vehicle counts once on a line, however often it goes to and fro.
        if (one.line.id, one.body) in known or not (before.any() and after.any()):
            continue
        known.add((one.line.id, one.body))
        kind = paths.world.bodies[one.body].kind
        found.append(Passage(one.line.id, one.line.lane, one.body, kind, round(one.at_s, 6)))
    return tuple(found)


def _counts(passages: Sequence[Passage]) -> tuple[Count, ...]:
    summed = Counter((one.line, one.lane, one.kind) for one in passages)
    ordered = sorted(summed.items(), key=lambda item: (item[0][0], item[0][2]))
    return tuple(Count(line, lane, kind, count) for (line, lane, kind), count in ordered)


def _plates(world: World, parts: PartTable) -> tuple[TruePlate, ...]:
    rows = np.flatnonzero((parts.kind == PART_KINDS.index("plate")) & (parts.visible >= SURE_PLATE))
    # The highest of each vehicle, the earliest of equals.
    best: dict[int, int] = {}
    for row in rows.tolist():
        body = int(parts.body[row])
        if body not in best or parts.height_px[row] > parts.height_px[best[body]]:
            best[body] = row
    found = []
    for body, row in sorted(best.items()):
        sign = world.bodies[body].plate
        assert sign is not None
        height = float(parts.height_px[row])
        found.append(TruePlate(body, sign.text, sign.lines, height, int(parts.step[row])))
    return tuple(found)
