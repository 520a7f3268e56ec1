from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from ioc.errors import ConfigError
from simulator.place import Place
from simulator.places import PLACES
from simulator.traffic.net_build import build, links_of, net_of

every_place = pytest.mark.parametrize("place", PLACES.values(), ids=lambda place: place.city)


@every_place
def test_lanes_lie_on_the_strips_and_end_at_the_stop_lines(place: Place) -> None:
    lanes = {
        lane.get("id"): np.array(
            [[float(v) for v in point.split(",")[:2]] for point in lane.get("shape", "").split()]
        )
        for lane in ElementTree.parse(net_of(place)).getroot().iter("lane")
    }
    for road in place.roadways:
        for number, strip in enumerate(road.strips):
            lane = lanes[f"{road.id}_{len(road.strips) - 1 - number}"]
            middle = sum(road.offset(strip.id)) / 2
            np.testing.assert_allclose(lane[0], road.at(0.0, middle), atol=0.06)
            np.testing.assert_allclose(lane[-1], road.at(road.length, middle), atol=0.06)


@every_place
def test_a_network_of_another_state_of_the_place_is_refused(place: Place) -> None:
    roads = tuple(replace(road, limit_kmh=road.limit_kmh + 10) for road in place.roadways)
    with pytest.raises(ConfigError, match="net_build"):
        net_of(replace(place, roadways=roads))


@every_place
def test_the_committed_network_is_what_netconvert_makes(place: Place) -> None:
    pytest.importorskip("sumo")
    made, kept = build(place), net_of(place).read_text(encoding="utf-8")
    # Releases of netconvert differ in the header alone.
    assert made[made.index("<edge") :] == kept[kept.index("<edge") :]


def test_a_forbidden_turn_is_a_way_that_only_offenders_take() -> None:
    for place in PLACES.values():
        forbidden = [link for link in links_of(place) if link.forbidden]
        assert len(forbidden) == len(place.turns)
