"""Judges a world by the law: every violation of the rules that a camera watches.

It knows nothing of pictures but what is in sight: an act follows from the exact ways of the
vehicles in metres and the exact changes of the lights. The camera's rules are judged against it,
so it shares no code with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ioc.events import Rule
from simulator.place import Mount, Place, Watch
from simulator.truth.act import Act
from simulator.truth.law_areas import entries, parkings, turns
from simulator.truth.law_helmets import bare_heads
from simulator.truth.law_lanes import speedings, wrong_lanes, wrong_ways
from simulator.truth.law_signals import red_lights, stop_lines
from simulator.truth.paths import Paths, Points
from simulator.world import World

JUDGES: Final[Mapping[Rule, Callable[[Paths, Watch], list[Act]]]] = {
    "red_light": red_lights,
    "stop_line": stop_lines,
    "wrong_way": wrong_ways,
    "speeding": speedings,
    "illegal_parking": parkings,
    "wrong_lane": wrong_lanes,
    "no_entry": entries,
    "illegal_turn": turns,
    "no_helmet": bare_heads,
}


def judge(
    world: World, place: Place, mount: Mount, visible: Points | None = None
) -> tuple[Act, ...]:
    """Every act against a rule that a camera watches, in the order of time.

    One vehicle breaks a rule once in a clip, or once in each red phase.

    Args:
        world: What happened.
        place: Where.
        mount: The camera.
        visible: The share of each road user that no other hides, [T, N]; left out, all is free.
    """
    paths = Paths(world, place, mount, visible)
    acts = [act for watch in mount.watches for act in JUDGES[watch.rule](paths, watch)]
    return tuple(sorted(acts, key=lambda act: (act.at_s, act.rule, act.body)))
