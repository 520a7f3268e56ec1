"""Puts a clip's cast together: SUMO's vehicles, acts laid over them, people on foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ioc.events import Rule
from simulator.conditions import Density
from simulator.place import Place, Roadway
from simulator.traffic.evident import Acts
from simulator.traffic.models import BY_NAME, body_of, walker_body
from simulator.traffic.motion import Floats, Motion, depth, follow
from simulator.traffic.offenders import count_of, moments, watched
from simulator.traffic.overlays import CLEAR_M, TRIES, against, overruns, touches
from simulator.traffic.registration import Registry
from simulator.traffic.signal_plan import SignalPlan
from simulator.traffic.walkers import heading_of, paths
from simulator.world import RATE, Body, Intent

OVERLAP_M: Final = 0.05
"""Bodies that lie deeper in each other than this are not both shown. SUMO keeps vehicles of one
lane apart, but not always those that turn beside each other."""
FROM_WALKERS_M: Final = 0.5
BETWEEN_WALKERS_M: Final = 0.05


@dataclass(slots=True)
class Stage:
    """Everybody in a clip so far.

    Attributes:
        bodies: Who, in the order of the columns of ``motion``.
        motion: How they move, [T, N].
        front: Where SUMO moves their front ends, metres [T, N, 2].
        roles: What each is up to, by column.
    """

    bodies: list[Body]
    motion: Motion
    front: Floats
    roles: dict[int, Rule]

    @property
    def sizes(self) -> tuple[Floats, Floats]:
        """Length and width of each, metres [N]."""
        return (
            np.array([body.length for body in self.bodies]),
            np.array([body.width for body in self.bodies]),
        )

    def keep(self, columns: Sequence[int]) -> None:
        """Let go of all others."""
        rows = list(columns)
        motion = self.motion
        self.roles = {new: self.roles[old] for new, old in enumerate(rows) if old in self.roles}
        self.bodies = [self.bodies[column] for column in rows]
        self.front = self.front[:, rows]
        self.motion = Motion(
            motion.x[:, rows], motion.y[:, rows], motion.heading[:, rows], motion.speed[:, rows],
            motion.braking[:, rows],
        )  # fmt: skip

    def add(self, body: Body, motion: Motion, role: Rule | None = None) -> None:
        """One more, whose motion has one column."""
        if role is not None:
            self.roles[len(self.bodies)] = role
        self.bodies.append(body)
        mine = self.motion
        self.front = np.concatenate([self.front, np.full_like(self.front[:, :1], np.nan)], axis=1)
        self.motion = Motion(
            *(
                np.concatenate([ours, theirs], axis=1)
                for ours, theirs in (
                    (mine.x, motion.x), (mine.y, motion.y), (mine.heading, motion.heading),
                    (mine.speed, motion.speed), (mine.braking, motion.braking),
                )
            )
        )  # fmt: skip

    def replace(self, column: int, motion: Motion, role: Rule) -> None:
        """Another motion for one of them; ``motion`` has one column."""
        mine = self.motion
        for ours, theirs in (
            (mine.x, motion.x), (mine.y, motion.y), (mine.heading, motion.heading),
            (mine.speed, motion.speed), (mine.braking, motion.braking),
        ):  # fmt: skip
            ours[:, column] = theirs[:, 0]
        self.roles[column] = role

    def hit(self, motion: Motion, body: Body, margin: float, but: int | None = None) -> bool:
        """Whether a motion of one column comes nearer to somebody than a margin."""
        near = touches(
            (motion.x[:, 0], motion.y[:, 0], motion.heading[:, 0]), body.length, body.width,
            self.motion, *self.sizes, margin,
        )  # fmt: skip
        if but is not None:
            near[but] = False
        return bool(near.any())


def part(stage: Stage) -> None:
    """Take out vehicles until none lie in each other; who breaks no rule goes first."""
    pairs = overlaps(stage.motion, stage.bodies)
    gone: set[int] = set()
    while pairs:
        count: dict[int, float] = {}
        for one, other in pairs:
            for column in (one, other):
                count[column] = count.get(column, 0.0) + 1
        worst = max(count, key=lambda c: (c not in stage.roles, count[c], c))
        # One who breaks a rule goes only when both do.
        gone.add(worst)
        pairs = {pair for pair in pairs if worst not in pair}
    stage.keep([column for column in range(len(stage.bodies)) if column not in gone])


def overlaps(motion: Motion, bodies: Sequence[Body]) -> set[tuple[int, int]]:
    """Pairs that lie deeper than ``OVERLAP_M`` in each other at some step."""
    lengths = np.array([body.length for body in bodies])
    widths = np.array([body.width for body in bodies])
    reach = np.hypot(lengths, widths) / 2
    found: set[tuple[int, int]] = set()
    for step in range(len(motion.x)):
        there = np.flatnonzero(np.isfinite(motion.x[step]))
        x, y, angle = motion.x[step, there], motion.y[step, there], motion.heading[step, there]
        size = reach[there]
        apart = np.hypot(x[:, None] - x, y[:, None] - y)
        one, other = np.nonzero(np.triu(apart < size[:, None] + size, 1))
        if not len(one):
            continue
        a, b = there[one], there[other]
        deep = depth(
            (x[one], y[one], angle[one], lengths[a], widths[a]),
            (x[other], y[other], angle[other], lengths[b], widths[b]),
        )
        found.update(zip(a[deep > OVERLAP_M].tolist(), b[deep > OVERLAP_M].tolist(), strict=True))
    return found


def add_overruns(
    stage: Stage, place: Place, plan: SignalPlan, rng: np.random.Generator, seconds: float
) -> None:
    """Let some of those who wait at a watched stop line wait beyond it."""
    if "stop_line" not in watched(place):
        return
    wanted = count_of("stop_line", seconds, rng)
    for road in _stop_roads(place):
        tries = overruns(
            place, stage.front, stage.motion.heading, stage.bodies, plan, road, rng,
            set(stage.roles),
        )  # fmt: skip
        for one in tries:
            if wanted <= 0:
                return
            body = stage.bodies[one.column]
            motion = _single(one.front, stage.motion.heading[:, one.column], body)
            if not stage.hit(motion, body, 0.0, one.column):
                stage.replace(one.column, motion, "stop_line")
                wanted -= 1


def add_against(
    stage: Stage, place: Place, registry: Registry, rng: np.random.Generator, seconds: float
) -> None:
    """Motorcycles that ride against the traffic on the shoulder, when it is free."""
    if "wrong_way" not in watched(place):
        return
    for moment in moments(count_of("wrong_way", seconds, rng), seconds, rng):
        model = BY_NAME["cub" if rng.random() < 0.5 else "scooter"]
        body = body_of(len(stage.bodies), model, rng, registry)
        for attempt in range(TRIES):
            # Near the moment at first, then anywhere in the clip.
            at = moment if attempt < 8 else float(rng.uniform(4.0, max(seconds - 4.0, 4.1)))
            front = against(place, rng, len(stage.front), at + float(rng.uniform(-1, 1)))
            way = heading_of(front)
            if not np.isfinite(way).any():
                continue
            motion = _single(front, way, body)
            if not stage.hit(motion, body, CLEAR_M):
                stage.add(body, motion, "wrong_way")
                break


def add_walkers(
    stage: Stage, place: Place, plan: SignalPlan, rng: np.random.Generator, density: Density
) -> None:
    """People on foot who come near nobody; who finds no way is not there."""
    vehicles = len(stage.bodies)
    for tries in paths(place, plan, rng, len(stage.front), density):
        body = walker_body(len(stage.bodies), rng)
        for path in tries:
            if not np.isfinite(path[:, 0]).any():
                continue
            motion = _on_foot(path)
            near = touches(
                (path[:, 0], path[:, 1], motion.heading[:, 0]), body.length, body.width,
                stage.motion, *stage.sizes, FROM_WALKERS_M,
            )  # fmt: skip
            # People pass each other closely, and stand together at a kerb.
            if near[:vehicles].any() or stage.hit(motion, body, BETWEEN_WALKERS_M):
                continue
            stage.add(body, motion)
            break


def bare_heads(
    stage: Stage, acts: Acts, rng: np.random.Generator, seconds: float, place: Place
) -> list[int]:
    """Take the helmets off some riders whom a camera sees well; gives their columns."""
    if "no_helmet" not in watched(place):
        return []
    riders = [
        column for column, body in enumerate(stage.bodies)
        if body.kind == "motorcycle" and column not in stage.roles
        and acts.evident("no_helmet", column)
    ]  # fmt: skip
    chosen: list[int] = rng.permutation(riders)[: count_of("no_helmet", seconds, rng)].tolist()
    for column in chosen:
        body = stage.bodies[column]
        heads = len(body.helmets)
        # Mostly nobody on it wears one; else the passenger does not.
        bare = heads if rng.random() < 0.8 else max(1, heads - 1)
        helmets = (True,) * (heads - bare) + (False,) * bare
        stage.bodies[column] = replace(body, helmets=helmets)
    return chosen


def intents(stage: Stage, acts: Acts, bare: Sequence[int]) -> tuple[Intent, ...]:
    """The planned acts that can be seen, by road user."""
    found = [
        Intent(rule, column) for column, rule in stage.roles.items() if acts.evident(rule, column)
    ]
    found += [Intent("no_helmet", column) for column in bare]
    return tuple(sorted(found, key=lambda one: (one.body, one.rule)))


def _stop_roads(place: Place) -> list[Roadway]:
    lanes = {
        line.lane for line in place.lines
        if line.kind == "stop" and any(line.id in mount.lines for mount in place.mounts)
    }  # fmt: skip
    return [r for r in place.roadways if r.head and any(s.id in lanes for s in r.strips)]


def _single(front: Floats, heading: Floats, body: Body) -> Motion:
    return follow(
        front[:, None], heading[:, None], np.array([body.length]), np.array([body.rear_axle]), RATE
    )


def _on_foot(path: Floats) -> Motion:
    ahead = np.diff(path, axis=0, prepend=path[:1])
    speed = np.hypot(ahead[:, 0], ahead[:, 1]) * RATE
    speed = np.where(np.isfinite(path[:, 0]), np.nan_to_num(speed), np.nan)
    return Motion(
        path[:, :1], path[:, 1:], heading_of(path)[:, None], speed[:, None],
        np.zeros((len(path), 1), np.bool_),
    )  # fmt: skip
