"""Which report is of which act: by camera, rule, vehicle and time.

A camera's clip is matched on its own. The vehicle of a report is the road user on whose true box
the track's box lies at the act. Reports and acts of one rule and one road user are then paired one
to one so that most are paired, those nearest in time first. A report that is left while its act
has one already is a double, which is a false alarm. An act that is doubtful takes a report away
without counting for or against anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from measure.accuracy.simulated.watched import Flagged, TrueAct, Watched
from vision.track.assignment import assign

TOLERANCE_S: Final = 1.0
"""A report names the instant of its act; further off it is another act, or none."""

Kind = Literal["right", "missed", "false", "double", "doubtful"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an act or of a report.

    Attributes:
        kind: ``right``: both are there. ``missed``: an act nobody reported. ``false``: a report
            without an act. ``double``: a second report of one act. ``doubtful``: neither counts.
        act: Place of the act in the clip's, if any.
        flagged: Place of the report in the clip's, if any.
        body: The road user, if one was found.
        off_s: How much later than the act the report puts it, seconds, where both are there.
    """

    kind: Kind
    act: int | None
    flagged: int | None
    body: int | None
    off_s: float | None = None

    @property
    def counts_false(self) -> bool:
        """Whether it is a false alarm."""
        return self.kind in ("false", "double")


def match(watched: Watched, tolerance_s: float = TOLERANCE_S) -> tuple[Verdict, ...]:
    """What became of every act and every report of a clip, acts first."""
    bodies = [body_of(watched, one) for one in watched.flagged]
    return pair(watched.acts, watched.flagged, bodies, tolerance_s)


def body_of(watched: Watched, report: Flagged) -> int | None:
    """The road user whose true box the reported track lies on at the act.

    Where the track was not seen in that very frame, the nearest frame counts in which it was.
    """
    tracks = watched.tracks
    rows = np.flatnonzero((tracks.id == report.track) & (watched.owner >= 0))
    if not len(rows):
        return None
    away = np.abs(tracks.frame[rows] - report.act_s * watched.clip.rate)
    return int(watched.owner[rows[int(away.argmin())]])


def pair(
    acts: Sequence[TrueAct],
    flagged: Sequence[Flagged],
    bodies: Sequence[int | None],
    tolerance_s: float = TOLERANCE_S,
) -> tuple[Verdict, ...]:
    """Pair acts with reports.

    Args:
        acts: What truly happened.
        flagged: What was reported.
        bodies: The road user of each report; None where there is none.
        tolerance_s: Most that a report may lie before or after its act.

    Returns:
        The verdict of every act, then of every report that is left.
    """
    groups: dict[tuple[str, int], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for place, act in enumerate(acts):
        groups[act.rule, act.body][0].append(place)
    for place, (report, body) in enumerate(zip(flagged, bodies, strict=True)):
        if body is not None:
            groups[report.rule, body][1].append(place)
    report_of: dict[int, int] = {}
    again: set[int] = set()
    for true, told in groups.values():
        taken = _paired([acts[one] for one in true], [flagged[one] for one in told], tolerance_s)
        report_of.update((true[row], told[column]) for row, column in taken)
        left = set(told) - {told[column] for _, column in taken}
        again |= {
            one
            for one in left
            if any(abs(acts[act].off(flagged[one].act_s)) <= tolerance_s for act in true)
        }
    verdicts: list[Verdict] = []
    for place, act in enumerate(acts):
        told_at = report_of.get(place)
        off = None if told_at is None else act.off(flagged[told_at].act_s)
        kind: Kind = "missed" if told_at is None else "right"
        verdicts.append(
            Verdict("doubtful" if act.doubtful else kind, place, told_at, act.body, off)
        )
    used = set(report_of.values())
    verdicts += [
        Verdict("double" if place in again else "false", None, place, bodies[place])
        for place in range(len(flagged))
        if place not in used
    ]
    return tuple(verdicts)


def _paired(
    acts: Sequence[TrueAct], flagged: Sequence[Flagged], tolerance_s: float
) -> list[tuple[int, int]]:
    """Rows and columns of one rule and road user, sure acts before doubtful ones."""
    if not acts or not flagged:
        return []
    off = np.array([[act.off(report.act_s) for report in flagged] for act in acts])
    near = 1 - np.abs(off) / max(tolerance_s, 1e-9)
    # A pair that may be made counts far more than how close it is, and a sure act more than a
    # doubtful one, so that a doubtful one never takes its report away.
    base = np.where([act.doubtful for act in acts], 0.6, 0.9)[:, None]
    alike = np.where(near >= 0, base + 0.1 * near, 0).astype(np.float32)
    rows, columns = assign(alike, 0.5)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
