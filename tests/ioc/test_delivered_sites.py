from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from ioc.camera import Camera
from ioc.site import Site, load_sites, sites_folder
from simulator.places import PLACES
from simulator.truth.site_file import site_of

SITES = load_sites(sites_folder())
CAMERAS = [(site, camera) for site in SITES for camera in site.cameras]


def test_both_cities_are_there_with_all_that_a_junction_has() -> None:
    assert {(site.city, site.ward) for site in SITES} == {("vithanh", "31321"), ("ngabay", "31340")}
    for site in SITES:
        assert len(site.cameras) >= 2
        assert len(site.sensors) >= 6
        assert len(site.signals) >= 1
        quantities = {sensor.quantity for sensor in site.sensors}
        assert quantities >= {"water_level", "rain", "salinity", "pm2_5", "noise"}


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site)
def test_names_are_vietnamese_with_composed_diacritics(site: Site) -> None:
    labels = [site.name, site.city_name, *(signal.name for signal in site.signals)]
    labels += [camera.name for camera in site.cameras] + [sensor.name for sensor in site.sensors]
    for label in labels:
        assert label.vi == unicodedata.normalize("NFC", label.vi)
        assert any(ord(letter) > 127 for letter in label.vi), label.vi


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site)
def test_everything_stands_in_hau_giang_and_near_its_site(site: Site) -> None:
    assert 9.6 < site.position.latitude < 9.95
    assert 105.3 < site.position.longitude < 105.95
    places = [camera.position for camera in site.cameras] + [s.position for s in site.sensors]
    for place in filter(None, places):
        assert abs(place.latitude - site.position.latitude) < 0.01
        assert abs(place.longitude - site.position.longitude) < 0.01


def arrow(segment: tuple[tuple[float, float], tuple[float, float]]) -> tuple[float, float]:
    (x1, y1), (x2, y2) = segment
    return x2 - x1, y2 - y1


def inside(polygon: tuple[tuple[float, float], ...], x: float, y: float) -> bool:
    """Even-odd rule."""
    hit = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            hit = not hit
    return hit


def rendered(site: Site, camera: Camera) -> bool:
    place = PLACES[f"{site.city}/{site.site}"]
    return camera.id in {mount.id for mount in place.mounts}


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.site)
def test_the_rendered_cameras_are_as_their_place_has_them(site: Site) -> None:
    # python tools/sites.py writes them anew.
    place = PLACES[f"{site.city}/{site.site}"]
    for camera in site_of(place).cameras:
        assert site.camera(camera.id) == camera
    heads = {head.id for head in place.heads}
    assert heads <= {head for signal in site.signals for head in signal.heads}


@pytest.mark.parametrize(("site", "camera"), CAMERAS, ids=lambda part: getattr(part, "id", None))
def test_lanes_lines_and_arrows_fit_each_other(site: Site, camera: Camera) -> None:
    lanes = {lane.id: lane for lane in camera.lanes}
    for lane in camera.lanes:
        # A little within: the arrow of a rendered lane ends on the edge of the picture.
        start, end = np.asarray(lane.direction)
        for share in (0.02, 0.98):
            assert inside(lane.polygon, *(start + share * (end - start))), lane.id
    for line in (line for line in camera.lines if line.kind != "exit"):
        assert line.lane is not None
        lane = lanes[line.lane]
        middle = np.mean(line.ends, axis=0)
        assert inside(lane.polygon, *middle), line.id
        if line.direction is not None:
            assert np.dot(arrow(line.direction), arrow(lane.direction)) > 0, line.id
    measured = {line.lane for line in camera.lines if line.kind in ("count", "stop")}
    # In a rendered picture shoulders and the lanes beyond the junction are seen too.
    assert measured == set(lanes) or (rendered(site, camera) and measured <= set(lanes))


@pytest.mark.parametrize(("site", "camera"), CAMERAS, ids=lambda part: getattr(part, "id", None))
def test_every_rule_has_what_it_needs(site: Site, camera: Camera) -> None:
    rules = {settings.rule for settings in camera.rules}
    assert "wrong_way" in rules
    if "red_light" in rules:
        assert any(zone.kind == "junction" for zone in camera.zones)
        stops = [line for line in camera.lines if line.kind == "stop"]
        assert stops and all(line.head is not None for line in stops)
    if "illegal_parking" in rules:
        assert any(zone.kind == "no_parking" for zone in camera.zones)
    if "wrong_lane" in rules:
        assert any(lane.vehicles for lane in camera.lanes)
