"""Which pictures a plate is read off."""

from __future__ import annotations

from itertools import pairwise

from vision.evidence.looks import best_looks
from vision.evidence.stills import TimedBox

SIZE = (1920, 1080)


def test_the_largest_whole_views_come_before_larger_ones_that_the_edge_cuts_off() -> None:
    leaving = [TimedBox(0.4 * n, 600, 1080 - 320 + 40 * n, 900, 1080) for n in range(3)]
    whole = [TimedBox(2 + 0.4 * n, 600, 300 - 40 * n, 800, 500 - 40 * n) for n in range(7)]

    looks = best_looks(leaving + whole, SIZE)

    assert [look.time_s for look in looks] == [2 + 0.4 * n for n in range(7)]


def test_views_that_are_cut_off_are_better_than_none() -> None:
    cut = [TimedBox(0.4 * n, 0, 200, 300, 500) for n in range(2)]

    assert len(best_looks(cut, SIZE)) == 2


def test_neighbouring_pictures_are_not_both_looked_at() -> None:
    near = [TimedBox(0.08 * n, 600, 300, 800, 500 + n) for n in range(10)]

    looks = best_looks(near, SIZE)

    assert all(b.time_s - a.time_s >= 0.2 for a, b in pairwise(looks))
    assert len(looks) >= 3


def test_a_plate_at_the_stop_line_is_read_before_the_smear_of_who_drives_off() -> None:
    waiting = [TimedBox(0.5 * n, 600, 300, 750, 550) for n in range(8)]
    leaving = [
        TimedBox(4 + 0.08 * n, 600, 300 + 90 * n, 780 + 2 * n, 600 + 90 * n) for n in range(5)
    ]

    looks = best_looks(waiting + leaving, SIZE)

    assert sum(look.time_s < 4 for look in looks) >= 6


def test_who_never_stops_is_looked_at_where_it_is_largest() -> None:
    riding = [TimedBox(0.2 * n, 600, 60 * n, 660 + 8 * n, 90 + 70 * n) for n in range(14)]

    looks = best_looks(riding, SIZE)

    assert riding[-1] in looks and riding[0] not in looks
