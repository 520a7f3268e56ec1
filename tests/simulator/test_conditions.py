from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.errors import ConfigError
from simulator.conditions import Conditions, chosen_conditions, conditions_of


@given(st.integers(0, 10**6))
def test_twenty_seeds_in_a_row_meet_the_same_mix_wherever_they_begin(first: int) -> None:
    mix = [conditions_of(seed) for seed in range(first, first + 20)]

    lights = Counter(one.light for one in mix)
    assert lights == {"day": 13, "night": 5, "dusk": 2}
    assert sum(one.weather == "rain" for one in mix) == 4
    assert sum(one.density == "dense" for one in mix) == 5


def test_rain_and_night_are_never_judged_by_the_bar_of_the_day() -> None:
    assert "day" in Conditions("dusk").slices
    assert "day" in Conditions(weather="fog").slices
    assert Conditions("night", "rain", "dense").slices == ("night", "rain", "dense")
    assert "day" not in Conditions(weather="rain").slices


def test_what_is_stated_wins_over_the_seed() -> None:
    usual = conditions_of(7)

    assert chosen_conditions(7) == usual
    assert chosen_conditions(7, light="dusk") == Conditions("dusk", usual.weather, usual.density)
    with pytest.raises(ConfigError, match="weather 'snow': give clear, rain, fog, glare"):
        chosen_conditions(7, weather="snow")
