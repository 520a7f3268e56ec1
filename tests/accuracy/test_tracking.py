"""The tracker on public detections: the scoring itself, and ours beside the package trackers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from measure.accuracy import sort
from measure.accuracy.mot import load_sequence
from measure.accuracy.tracking import COMBINED, SEQUENCES, run, score, scores_of


def test_the_scoring_gives_the_published_figures_of_sort(data_folder: Path) -> None:
    import trackeval.metrics

    known = json.loads((data_folder / "groundtruth" / "mot_reference.json").read_text())
    for name in SEQUENCES:
        frames = load_sequence(data_folder / "mot" / name).frames
        found = scores_of(score(frames, sort.run(frames), trackeval.metrics))
        expected = known["measured_here"][name]

        assert found.mota == pytest.approx(expected["MOTA"], abs=0.05)
        assert found.idf1 == pytest.approx(expected["IDF1"], abs=0.1)
        assert (found.switches, found.extra, found.missed) == (
            expected["IDs"],
            expected["FP"],
            expected["FN"],
        )


@pytest.mark.slow
def test_no_setting_of_the_others_beats_ours_in_any_score(data_folder: Path) -> None:
    rows, figures = run(data_folder)

    assert len(rows) > 20
    for figure in figures:
        if figure.name.startswith(("tracking.hota", "tracking.mota", "tracking.idf1")):
            assert figure.ratio is not None and figure.ratio >= 1, figure
    print()
    for row in rows[:4]:
        one = row.scores[COMBINED]
        print(f"{row.tracker:<40} HOTA {one.hota:.1f} MOTA {one.mota:.1f} IDF1 {one.idf1:.1f}")
