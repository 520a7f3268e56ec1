"""The site file of the camera node's benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def site_of(clips: Sequence[Path]) -> dict[str, Any]:
    """A site whose cameras look at the six-lane clip; the first one has the ban.

    The ban holds for one second, in which one car comes by: the fourth of the clip, at 7.2 s
    (data set's ground truth: frames 173 to 188 at 23.98 fps). The clips begin at 11:59:50 local.
    """
    lanes = [
        {
            "id": "near",
            "polygon": [[0, 150], [640, 150], [640, 330], [0, 330]],
            "direction": [[10, 240], [600, 240]],
        },
        {
            "id": "far",
            "polygon": [[0, 20], [640, 20], [640, 130], [0, 130]],
            "direction": [[600, 70], [10, 70]],
        },
    ]
    lines = [
        {"id": "near", "ends": [[320, 151], [320, 320]], "lane": "near"},
        {"id": "far", "ends": [[320, 20], [320, 130]], "lane": "far"},
    ]
    ban = {
        "id": "ban",
        "kind": "no_entry",
        "polygon": [[300, 150], [420, 150], [420, 330], [300, 330]],
        "hours": [{"start": "11:59:57", "end": "11:59:58"}],
    }
    wrong_way = {"rule": "wrong_way", "min_travel_px": 60}
    no_entry = {
        "rule": "no_entry",
        "min_travel_px": 10,
        "min_duration_s": 0.1,
        "confirmations": 3,
        "cooldown_s": 60,
    }
    return {
        "city": "bench",
        "site": "vision",
        "name": {"vi": "Đo tốc độ", "en": "Benchmark"},
        "city_name": {"vi": "Đo tốc độ", "en": "Benchmark"},
        "position": {"latitude": 9.78, "longitude": 105.47},
        "cameras": [
            {
                "id": f"cam-{number + 1}",
                "name": {"vi": f"Camera {number + 1}", "en": f"Camera {number + 1}"},
                "source": str(clip),
                "frame": {"width": 640, "height": 360},
                "lanes": lanes,
                "lines": lines,
                "zones": [] if number else [ban],
                "rules": [wrong_way] if number else [wrong_way, no_entry],
            }
            for number, clip in enumerate(clips)
        ],
    }
