"""Where a frame's time goes, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, get_args

from prometheus_client import Counter, Histogram

Stage = Literal["decode", "infer", "track", "rules", "evidence", "end_to_end"]

# 0.2 ms to 10 s: a tracker step is 0.5 ms, a nano model on two cores 20, an evidence set seconds.
BUCKETS: Final = (
    *(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25),
    *(0.5, 1.0, 2.5, 5.0, 10.0),
)

STAGES: Final = Histogram(
    "ioc_vision_stage_seconds",
    "Time of one frame (of one evidence set) in a stage; end_to_end is arrival to events handed on",
    ["camera", "stage"],
    buckets=BUCKETS,
)
FRAMES: Final = Counter("ioc_vision_frames", "Frames processed", ["camera"])
DROPPED: Final = Counter(
    "ioc_vision_dropped_frames", "Frames that a newer one replaced, or that were broken", ["camera"]
)
STALLS: Final = Counter("ioc_vision_stalls", "Times a camera stood still or went away", ["camera"])
VIOLATIONS: Final = Counter("ioc_vision_violations", "Violations flagged", ["camera", "rule"])
WITHOUT_EVIDENCE: Final = Counter(
    "ioc_vision_violations_without_evidence", "Violations sent without files", ["camera", "reason"]
)


class StageTimes:
    """One camera's histograms, looked up once."""

    def __init__(self, camera: str) -> None:
        self.observe: dict[Stage, Callable[[float], None]] = {
            stage: STAGES.labels(camera, stage).observe for stage in get_args(Stage)
        }
