"""Stopping beyond the stop line on red (dừng xe quá vạch dừng khi đèn đỏ).

Crossing the line on red and coming to rest beyond it. One who drives straight through is a matter
of ``red_light``; one who crossed before red and is held up beyond the line did nothing; nor did
one who only nudges the line.
"""

from __future__ import annotations

from ioc.camera import RuleSettings
from vision.rules.guards import Guard, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.overrun_finding import crossed_on_red, overrun_finding
from vision.rules.passage import REST_S, Overrun, Overruns, red_cycle
from vision.rules.red_light import SETTLE_S
from vision.rules.rule import Finding, View
from vision.rules.sight import Sight, see
from vision.scene import Scene
from vision.signals import SignalState


class StopLine:
    """Flags each vehicle that stops beyond a stop line on red, once in each red phase."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the stop lines of a scene.

        Args:
            scene: Stop lines with their heads.
            settings: Thresholds; pixels are those of the site file.

        Raises:
            ConfigError: No stop line names a head, or one has no direction.
        """
        self._scene = scene
        self._settings = settings
        self._guard = Guard(settings)
        self._least = settings.min_travel_px * scene.scale
        self._overruns = Overruns("stop_line", scene, settings, self._guard)
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        found: list[Finding] = []
        for run in self._overruns.observe(sight)[0]:
            rested = max(self._settings.min_duration_s, REST_S)
            until_s = max(run.rest_s + rested, run.crossed_s + self._settings.delay_s)
            if not run.resting or view.time_s < until_s + SETTLE_S:
                continue
            if self._guard.congested(sight, sight.depth[run.number] > 0, run.row):
                self._overruns.close(run)  # held up, whatever the others do later
                continue
            finding = self._judge(run, sight, until_s)
            if finding is not None:
                self._overruns.close(run)
                found.append(finding)
        return found

    def _judge(self, run: Overrun, sight: Sight, until_s: float) -> Finding | None:
        """The finding of one who has waited beyond the line, if it was red all that while."""
        head, view = run.line.head, sight.view
        assert head is not None
        if run.depth < self._least or not self._guard.sure(run.sightings, run.score_sum):
            return None
        state = red_cycle(
            view.signals, head, run.earliest_s, run.crossed_s, until_s, self._settings.delay_s
        )
        if state is None:
            return None
        key = (head, state.since_s)
        if self._flagged.known(run.track, key, *run.born, any_key=False):
            return None
        self._flagged.add(run.track, key, view.time_s, run.box, run.speed)
        return self._finding(run, state, head, view.time_s)

    def _finding(self, run: Overrun, state: SignalState, head: str, now_s: float) -> Finding:
        red_s = run.crossed_s - state.since_s
        rested = now_s - run.rest_s
        stood = reason(
            f"Dừng {rested:.1f} s, quá vạch {run.depth:.0f} px",
            f"stood {rested:.1f} s, {run.depth:.0f} px beyond the line",
        )
        told = (crossed_on_red(run, head, red_s), stood)
        return overrun_finding("stop_line", run, run.crossed_s, head, state, told)
