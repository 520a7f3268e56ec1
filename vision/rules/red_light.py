"""Running a red light (vượt đèn đỏ).

Crossing the stop line on red and driving on into the junction. Most riders who cross on red only
overrun the line and wait; that is ``stop_line``. If such a rider then leaves while it is still
red, the act is the instant at which he left.

Never flagged: who crossed on green or while the light was not known; who is caught by red in the
junction; who leaves within the grace before green, which a clock offset could turn into green; who
went on meanwhile on another light. One who crossed on yellow, waited outside the junction zone
through red and then drove in, ran the red light; without a junction zone that cannot be told from
one who clears the junction, so it is not flagged.
"""

from __future__ import annotations

from dataclasses import dataclass

from ioc.camera import RuleSettings
from vision.rules.guards import Guard, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.overrun_finding import crossed_on_red, overrun_finding
from vision.rules.passage import Overrun, Overruns, along, red_cycle
from vision.rules.rule import Finding, View
from vision.rules.sight import Sight, see, zone_rows
from vision.scene import Scene
from vision.signals import SignalHistory, SignalState

SETTLE_S = 1.0
"""A verdict waits so long after the act: a controller's change arrives late over the network, and
one who overran the line far is seen to stop."""

ONWARD = 1.0
"""In that time one who drives on comes at least this many box sizes further, ahead or round a
corner: who turns left gains little depth. Who brakes does not."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A vehicle that left the picture: its verdict waits for what the light showed."""

    run: Overrun
    due_s: float


class RedLight:
    """Flags each vehicle that runs a red light, once in each red phase."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the stop lines of a scene.

        Args:
            scene: Stop lines with their heads, and the junction's zone if one is drawn.
            settings: Thresholds; pixels are those of the site file.

        Raises:
            ConfigError: No stop line names a head, or one has no direction.
        """
        self._scene = scene
        self._settings = settings
        self._guard = Guard(settings)
        self._overruns = Overruns("red_light", scene, settings, self._guard)
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._zoned = bool(zone_rows(scene, "junction"))
        self._lost: list[_Waiting] = []
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        seen, lost = self._overruns.observe(sight)
        now = view.time_s
        self._lost += [
            _Waiting(run, max(now, self._known_s(run)))
            for run in lost
            if run.reached_s is not None and run.onward(along(run.line))
        ]
        found: list[Finding] = []
        for run in seen:
            if run.reached_s is None or now < self._known_s(run):
                continue
            if run.gone < ONWARD * run.size or not run.onward(along(run.line)):
                continue
            # Whatever the light says, this is decided: a vehicle runs one line once.
            self._overruns.close(run)
            found += self._judge(run, view)
        for waiting in [waiting for waiting in self._lost if waiting.due_s <= now]:
            self._lost.remove(waiting)
            found += self._judge(waiting.run, view)
        return found

    def _known_s(self, run: Overrun) -> float:
        """When everything that the light showed until the act was complete is known."""
        assert run.reached_s is not None
        return max(run.reached_s, run.act_s + self._settings.delay_s) + SETTLE_S

    def _judge(self, run: Overrun, view: View) -> list[Finding]:
        """The finding of one who has driven on, if the light was red all that while."""
        head, grace = run.line.head, self._settings.delay_s
        assert head is not None and run.reached_s is not None
        earliest = run.act_s if run.left else run.earliest_s
        if run.last_s - run.act_s < self._settings.min_duration_s:
            return []
        state = red_cycle(view.signals, head, earliest, run.act_s, run.reached_s, grace)
        if state is None or not self._lawless(run, view.signals, head):
            return []
        if not self._guard.sure(run.sightings, run.score_sum):
            return []
        key = (head, state.since_s)
        if self._flagged.known(run.track, key, *run.born, any_key=False):
            return []
        self._flagged.add(run.track, key, view.time_s, run.box, run.speed)
        return [self._finding(run, state, head)]

    def _lawless(self, run: Overrun, signals: SignalHistory, head: str) -> bool:
        """Whether one who waited beyond the line had no right to be there and to leave."""
        if not run.left:
            return True
        crossed = signals.at(head, run.crossed_s)
        phases = [signals.at(head, left_s) for left_s in run.left]
        if crossed is None or any(state is None or state.phase != "red" for state in phases):
            return False
        return crossed.phase == "red" or (
            crossed.phase == "yellow" and self._zoned and not run.rest_junction
        )

    def _finding(self, run: Overrun, state: SignalState, head: str) -> Finding:
        assert run.reached_s is not None
        red_s = run.act_s - state.since_s
        on_s = run.reached_s - run.act_s
        where = "vạch" if not run.left else "chỗ chờ"
        if run.left:
            reasons = [
                reason(
                    f"Đã đè vạch {run.line.id}, chờ {run.waited_s:.1f} s rồi đi khi đèn {head} "
                    f"đỏ được {red_s:.1f} s",
                    f"overran line {run.line.id}, waited {run.waited_s:.1f} s, left on red",
                )
            ]
        else:
            reasons = [crossed_on_red(run, head, red_s)]
        reasons.append(
            reason(
                f"Đi tiếp {run.reached_depth - run.left_depth:.0f} px quá {where} trong "
                f"{on_s:.1f} s, đèn vẫn đỏ",
                "drove on, still red",
            )
        )
        return overrun_finding("red_light", run, run.act_s, head, state, reasons)
