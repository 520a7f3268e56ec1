"""Every rule that a camera node can watch, and what each needs to be of any use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ioc.camera import Camera, RuleSettings
from ioc.events import Rule
from models.contract import Part
from vision.rules.illegal_parking import IllegalParking
from vision.rules.illegal_turn import IllegalTurn
from vision.rules.no_entry import NoEntry
from vision.rules.no_helmet import NoHelmet
from vision.rules.red_light import RedLight
from vision.rules.rule import Watcher
from vision.rules.speeding import Speeding
from vision.rules.stop_line import StopLine
from vision.rules.wrong_lane import WrongLane
from vision.rules.wrong_way import WrongWay
from vision.scene import Scene


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule of the catalogue.

    Attributes:
        build: Makes its watcher for a scene.
        needs: What a camera lacks for it, as a sentence with the mend; None when it has all.
        part: What the model must mark on vehicles for it.
    """

    build: Callable[[Scene, RuleSettings], Watcher]
    needs: Callable[[Camera], str | None]
    part: Part | None = None


def _lanes(camera: Camera) -> str | None:
    return None if camera.lanes else "draws no lane; add one to lanes"


def _reserved_lane(camera: Camera) -> str | None:
    if any(lane.vehicles for lane in camera.lanes):
        return None
    return "no lane names its vehicles, so all may use each; add vehicles to a lane"


def _governed_stop(camera: Camera) -> str | None:
    if any(line.kind == "stop" and line.head is not None for line in camera.lines):
        return None
    return "no stop line names a signal head; add kind: stop and head to a line"


def _speed(camera: Camera) -> str | None:
    if camera.calibration is None:
        return "has no calibration, so no speed is known; make one with ioc edge calibrate"
    if any(lane.speed_limit_kmh or lane.speed_limits_kmh for lane in camera.lanes):
        return None
    return "no lane has a limit; add speed_limit_kmh to a lane"


def _zone(kind: str) -> Callable[[Camera], str | None]:
    def lack(camera: Camera) -> str | None:
        if any(zone.kind == kind for zone in camera.zones):
            return None
        return f"draws no zone of kind {kind}; add one to zones"

    return lack


def _turns(camera: Camera) -> str | None:
    return None if camera.forbidden_turns else "names no forbidden_turns; add one"


CATALOGUE: Final[Mapping[Rule, Entry]] = {
    "red_light": Entry(RedLight, _governed_stop),
    "stop_line": Entry(StopLine, _governed_stop),
    "wrong_way": Entry(WrongWay, _lanes),
    "speeding": Entry(Speeding, _speed),
    "illegal_parking": Entry(IllegalParking, _zone("no_parking")),
    "wrong_lane": Entry(WrongLane, _reserved_lane),
    "no_entry": Entry(NoEntry, _zone("no_entry")),
    "illegal_turn": Entry(IllegalTurn, _turns),
    "no_helmet": Entry(NoHelmet, lambda _: None, part="no_helmet"),
}
"""The rules, in the order in which a frame's findings are told."""


def watchers_of(camera: Camera, scene: Scene, parts: Collection[Part] = ()) -> list[Watcher]:
    """The watchers of a camera's rules; rules that cannot work there are left out.

    Args:
        camera: What the site file says.
        scene: Its geometry in the pixels of the frames that come.
        parts: What the model marks on vehicles.
    """
    wanted = {settings.rule: settings for settings in camera.rules}
    return [
        entry.build(scene, wanted[rule])
        for rule, entry in CATALOGUE.items()
        if rule in wanted and not _lacks(camera, entry, parts)
    ]


def inactive(camera: Camera, parts: Collection[Part] = ()) -> list[tuple[Rule, str]]:
    """Rules of a camera that cannot be watched, each with what is missing and the mend."""
    return [
        (settings.rule, lack)
        for settings in camera.rules
        if (lack := _lacks(camera, CATALOGUE.get(settings.rule), parts)) is not None
    ]


def _lacks(camera: Camera, entry: Entry | None, parts: Collection[Part]) -> str | None:
    if entry is None:
        return f"this version knows {', '.join(CATALOGUE)}"
    lack = entry.needs(camera)
    if lack is None and entry.part is not None and entry.part not in parts:
        return f"needs a model that sees {entry.part!r}; give one with --model"
    return lack
