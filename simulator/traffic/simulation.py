"""The traffic of a clip: ``simulate`` gives a world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ioc.errors import ConfigError
from simulator.conditions import Conditions, conditions_of
from simulator.place import Place
from simulator.traffic import engine, staging
from simulator.traffic.demand import Departure, departures
from simulator.traffic.evident import Acts
from simulator.traffic.models import Fleet, body_of
from simulator.traffic.motion import follow
from simulator.traffic.offenders import add_offenders
from simulator.traffic.registration import Registry
from simulator.traffic.signal_plan import SignalPlan
from simulator.traffic.steering import Steering
from simulator.world import RATE, World

LONGEST_S = 3600.0


def simulate(
    place: Place,
    seed: int,
    seconds: float,
    conditions: Conditions | None = None,
    fleet: Fleet = "town",
) -> World:
    """All that happens at a place during a clip; the same arguments give equal arrays.

    Args:
        place: Where.
        seed: Of every draw, 0 or more.
        seconds: Length of the clip, up to an hour.
        conditions: Light, weather, traffic; by default those of the seed.
        fleet: What drives: as in the town, or as many buses as cars, to learn from.

    Raises:
        ConfigError: SUMO is not installed, or an argument is out of its range.
    """
    if not 1.0 <= seconds <= LONGEST_S:
        raise ConfigError(f"seconds is {seconds:g}; give 1 to {LONGEST_S:g}")
    if seed < 0:
        raise ConfigError(f"seed is {seed}; give 0 or more")
    conditions = conditions or conditions_of(seed)
    rng = np.random.default_rng([seed, *place.id.encode()])
    plan = SignalPlan(place, float(rng.uniform(0, sum(stage.seconds for stage in place.cycle))))
    ordinary = departures(place, rng, seconds, conditions.density, fleet)
    leaving = add_offenders(place, ordinary, plan, rng, seconds)
    steering = Steering(place, leaving, plan, rng, seconds)
    record = engine.run(place, leaving, plan, int(rng.integers(1 << 31)), seconds, steering)
    registry = Registry(rng)
    stage = _staged(record, leaving, steering, registry, rng)
    staging.part(stage)
    staging.add_overruns(stage, place, plan, rng, seconds)
    staging.add_against(stage, place, registry, rng, seconds)
    staging.add_walkers(stage, place, plan, rng, conditions.density)
    acts = Acts(place, stage.motion, tuple(stage.bodies), plan)
    bare = staging.bare_heads(stage, acts, rng, seconds, place)
    motion = stage.motion
    return World(
        place.id, seed, conditions, RATE,
        tuple(replace(body, id=number) for number, body in enumerate(stage.bodies)),
        np.isfinite(motion.x), motion.x, motion.y, motion.heading, motion.speed, motion.braking,
        tuple(head.id for head in place.heads), plan.phases(len(motion.x), RATE),
        plan.changes(seconds), staging.intents(stage, acts, bare),
    )  # fmt: skip


def _staged(
    record: engine.Record,
    leaving: list[Departure],
    steering: Steering,
    registry: Registry,
    rng: np.random.Generator,
) -> staging.Stage:
    """Everybody whom SUMO had in the clip."""
    seen = np.flatnonzero(np.isfinite(record.x).any(axis=0)).tolist()
    bodies = [
        body_of(number, leaving[column].model, rng, registry) for number, column in enumerate(seen)
    ]
    front = np.stack([record.x[:, seen], record.y[:, seen]], axis=-1)
    motion = follow(
        front,
        record.heading[:, seen],
        np.array([body.length for body in bodies]),
        np.array([body.rear_axle for body in bodies]),
        RATE,
    )
    roles = {
        number: rule
        for number, column in enumerate(seen)
        if (rule := steering.role(column)) is not None
    }
    return staging.Stage(bodies, motion, front, roles)
