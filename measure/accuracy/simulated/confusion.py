"""What went wrong, by cause: each missed act and each false alarm, looked at round its instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from measure.accuracy.simulated.boxes import SAME
from measure.accuracy.simulated.matching import Verdict, body_of
from measure.accuracy.simulated.watched import Flagged, TrueAct, Watched
from vision.detect.detections import BODY, CLASS_ID, FloatArray, IntArray, iou

AROUND_S: Final = 1.5
"""What a rule decides by lies so close to the act; a crossing needs a second on each side."""

VISIBLE: Final = 0.3
"""A road user of which less is seen is hidden."""

MOST_GONE: Final = 0.5
"""Seen in less than this share of the frames in which it could be, it was lost."""

Cause = Literal[
    "hidden",
    "not_detected",
    "class_wrong",
    "head_not_seen",
    "track_broken",
    "signal_unknown",
    "time_off",
    "other_rule",
    "rule_silent",
    "double",
    "no_vehicle",
    "wrong_vehicle",
    "rule_wrong",
]

OF_DETECTOR: Final[frozenset[Cause]] = frozenset(
    {"not_detected", "class_wrong", "head_not_seen", "no_vehicle"}
)
"""Causes that lie in what the model saw; the tracker and the rules can do nothing about them."""

WORDS: Final[dict[Cause, tuple[str, str]]] = {
    "hidden": ("xe bị che khuất", "vehicle hidden"),
    "not_detected": ("mô hình không thấy xe", "vehicle not detected"),
    "class_wrong": ("sai loại xe", "class wrong"),
    "head_not_seen": ("mô hình không thấy đầu trần", "bare head not detected"),
    "track_broken": ("mất dấu xe", "track broken"),
    "signal_unknown": ("không rõ tín hiệu đèn", "signal unknown"),
    "time_off": ("báo lệch thời điểm", "reported at another time"),
    "other_rule": ("báo lỗi khác", "reported as another rule"),
    "rule_silent": ("theo dõi tốt nhưng luật không báo", "track good, rule silent"),
    "double": ("báo hai lần", "reported twice"),
    "no_vehicle": ("không có xe ở đó", "no vehicle there"),
    "wrong_vehicle": ("báo nhầm xe khác", "another vehicle did it"),
    "rule_wrong": ("luật báo sai", "rule wrong"),
}
"""Each cause as people read it: Vietnamese, English."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A missed act or a false alarm, with its cause.

    Attributes:
        verdict: What it is.
        cause: Why.
        at_s: The act, or where the report puts it, seconds.
        detail: Figures behind the cause.
    """

    verdict: Verdict
    cause: Cause
    at_s: float
    detail: str


def mistakes(watched: Watched, verdicts: tuple[Verdict, ...]) -> list[Mistake]:
    """Every mistake of a clip with its cause."""
    found = []
    for verdict in verdicts:
        if verdict.kind == "missed":
            assert verdict.act is not None
            act = watched.acts[verdict.act]
            cause, detail = _missed(watched, act)
            found.append(Mistake(verdict, cause, act.at_s, detail))
        elif verdict.counts_false:
            assert verdict.flagged is not None
            report = watched.flagged[verdict.flagged]
            cause, detail = _false(watched, verdict, report)
            found.append(Mistake(verdict, cause, report.act_s, detail))
    return found


def _missed(watched: Watched, act: TrueAct) -> tuple[Cause, str]:
    first, last = _frames(watched, act.from_s, act.until_s)
    true = watched.truth.rows_of(act.body, first, last)
    true = true[watched.truth.share[true] >= VISIBLE]
    span = last - first + 1
    if len(true) < MOST_GONE * min(span, watched.clip.rate * AROUND_S):
        return "hidden", f"visible in {len(true)} of {span} frames"
    right = _detected(watched, true)
    seen, classed = int((right >= 0).sum()), int((right > 0).sum())
    if seen < MOST_GONE * len(true):
        return "not_detected", f"detected in {seen} of {len(true)} frames"
    if classed < MOST_GONE * seen:
        return "class_wrong", f"right class in {classed} of {seen} frames"
    if act.rule == "no_helmet" and (cause := _head(watched, true)) is not None:
        return "head_not_seen", cause
    other = _elsewhere(watched, act)
    if other is not None:
        return other
    names, held = _tracks_on(watched, act.body, first, last)
    if held < MOST_GONE * len(true) or names > 1:
        return "track_broken", f"{names} tracks in {held} of {len(true)} frames"
    if act.head is not None:
        believed = _believed(watched, act.head, act.at_s)
        if believed != "red":
            return "signal_unknown", f"{act.head} was taken for {believed}"
    return "rule_silent", f"one track in {held} of {len(true)} frames"


def _false(watched: Watched, verdict: Verdict, report: Flagged) -> tuple[Cause, str]:
    if verdict.kind == "double":
        return "double", "the act has a report already"
    body = verdict.body
    if body is None:
        return "no_vehicle", f"track {report.track} lies on no road user"
    own = [act for act in watched.acts if act.rule == report.rule and act.body == body]
    if own:
        off = min((act.off(report.act_s) for act in own), key=abs)
        return "time_off", f"{off:+.2f} s from the act"
    first, last = _frames(watched, report.act_s, report.act_s)
    rows = watched.tracks.rows_of(report.track, first, last)
    on = watched.owner[rows]
    if len(np.unique(on[on >= 0])) > 1:
        return "track_broken", f"track {report.track} lay on {np.unique(on[on >= 0]).tolist()}"
    true = watched.truth.rows_of(body, first, last)
    if len(true):
        real = int(watched.truth.class_id[true[0]])
        if real != CLASS_ID[report.vehicle]:
            return "class_wrong", f"taken for {report.vehicle}"
    near = [
        act
        for act in watched.acts
        if act.rule == report.rule and abs(act.off(report.act_s)) <= AROUND_S
    ]
    if near:
        return "wrong_vehicle", f"road user {near[0].body} did it, {body} was reported"
    names, _ = _tracks_on(watched, body, first, last)
    if names > 1:
        return "track_broken", f"{names} tracks on one vehicle"
    return "rule_wrong", report.reasons[0] if report.reasons else ""


def _frames(watched: Watched, from_s: float, until_s: float) -> tuple[int, int]:
    rate = watched.clip.rate
    first = max(0, int((from_s - AROUND_S) * rate))
    return first, min(watched.clip.frames - 1, int((until_s + AROUND_S) * rate))


def _detected(watched: Watched, true: IntArray) -> IntArray:
    """How the detector saw each true box, [K]: 1 right, 0 with another class, -1 not at all."""
    right = np.full(len(true), -1, np.int64)
    for place, row in enumerate(true.tolist()):
        part = watched.found.span(*[int(watched.truth.frame[row])] * 2)
        overlap = iou(watched.found.xyxy[part], watched.truth.xyxy[row : row + 1])[:, 0]
        real = int(watched.truth.class_id[row])
        kinds = watched.found.class_id[part]
        on = (overlap >= SAME) & (BODY[kinds] == BODY[real])
        if on.any():
            right[place] = int((on & (kinds == real)).any())
    return right


def _head(watched: Watched, true: IntArray) -> str | None:
    """What is missing of the bare heads on a vehicle, if they were hardly seen."""
    seen = 0
    for row in true.tolist():
        part = watched.bare.span(*[int(watched.truth.frame[row])] * 2)
        seen += bool(_within(watched.bare.xyxy[part], watched.truth.xyxy[row]).any())
    if seen >= 0.2 * len(true):
        return None
    return f"a bare head was marked in {seen} of {len(true)} frames"


def _within(heads: FloatArray, box: FloatArray) -> FloatArray:
    middle = (heads[:, :2] + heads[:, 2:]) / 2
    return np.asarray(((middle >= box[:2]) & (middle <= box[2:])).all(axis=1))


def _tracks_on(watched: Watched, body: int, first: int, last: int) -> tuple[int, int]:
    """How many tracks lay on a road user in some frames, and in how many frames any did."""
    part = watched.tracks.span(first, last)
    rows = part.start + np.flatnonzero(watched.owner[part] == body)
    names = np.unique(watched.tracks.id[rows])
    return len(names), len(np.unique(watched.tracks.frame[rows]))


def _elsewhere(watched: Watched, act: TrueAct) -> tuple[Cause, str] | None:
    """The report that this act got instead, if any."""
    for report in watched.flagged:
        off = act.off(report.act_s)
        if abs(off) > 10 * AROUND_S or body_of(watched, report) != act.body:
            continue
        if report.rule == act.rule:
            return "time_off", f"{off:+.2f} s from the act"
        if abs(off) <= AROUND_S and {report.rule, act.rule} == {"red_light", "stop_line"}:
            return "other_rule", f"reported as {report.rule}"
    return None


def _believed(watched: Watched, head: str, at_s: float) -> str:
    """What the system took a head for at an instant."""
    phases = watched.heads.get(head, ())
    if not phases:
        return "unknown"
    return phases[min(max(0, round(at_s * watched.clip.rate)), len(phases) - 1)]
