"""What both rules of the stop line tell of a vehicle beyond it, in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from ioc.events import Rule
from vision.detect.detections import CLASSES
from vision.rules.guards import reason
from vision.rules.passage import Overrun
from vision.rules.rule import Finding
from vision.signals import SignalState


def crossed_on_red(run: Overrun, head: str, red_s: float) -> str:
    """That the light was red when the line was crossed."""
    return reason(
        f"Đèn {head} đỏ từ {red_s:.1f} s trước khi qua vạch {run.line.id}",
        f"head {head} red for {red_s:.1f} s before the line was crossed",
    )


def overrun_finding(
    rule: Rule, run: Overrun, act_s: float, head: str, state: SignalState, reasons: Sequence[str]
) -> Finding:
    """A finding on a vehicle beyond the line.

    Args:
        rule: Which rule it broke.
        run: What is known of it.
        act_s: When it did, in the source's clock, seconds.
        head: The signal head of the line.
        state: What that showed.
        reasons: What the rule itself saw; how often and who told the light are added.
    """
    mean_score = run.score_sum / run.sightings
    seen = reason(
        f"Thấy {run.sightings} lần sau vạch, độ tin cậy trung bình {mean_score:.2f}",
        f"seen {run.sightings} times beyond the line",
    )
    return Finding(
        rule=rule,
        track=run.track,
        vehicle=CLASSES[run.class_id],
        lane=run.line.lane,
        act_s=act_s,
        first_frame=run.first_frame,
        last_frame=run.last_frame,
        confidence=round(min(1.0, mean_score), 4),
        reasons=(*reasons, seen, origin_reason(state)),
        head=head,
        signal=state,
    )


def origin_reason(state: SignalState) -> str:
    """Who says what the light showed."""
    if state.origin == "controller":
        return reason("Pha đèn do tủ điều khiển báo", "phase from the controller")
    return reason("Pha đèn đọc từ hình ảnh", "phase read from the picture")
