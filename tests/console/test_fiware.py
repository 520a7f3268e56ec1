"""Flow, readings and alerts in the shape of the Smart Data Models, held against their schemas."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from console.api.fiware import ONE_PAGE, page_of, span_of
from ioc.settings import DatabaseSettings
from store.handover import Place
from tests.console.custody import (
    Console,
    Hands,
    running,
)
from tests.console.programs import BOOT, bearer, enter_credential, enter_sites

NOW = datetime(2026, 11, 20, 5, 30, 20, tzinfo=UTC)
GAUGE = ("ngabay", "hung-vuong", "water-1")
CAMERA = ("vithanh", "tran-hung-dao", "cam-1")

INSTANT = {"type": "string", "format": "date-time"}
NUMBER = {"type": "number"}
POSITIVE = {"type": "number", "minimum": 0}
TEXT = {"type": "string", "minLength": 1}
POINT = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"const": "Point"},
        "coordinates": {
            "type": "array",
            "prefixItems": [
                {"type": "number", "minimum": 102, "maximum": 110},  # longitude of Vietnam
                {"type": "number", "minimum": 8, "maximum": 24},
            ],
            "minItems": 2,
            "maxItems": 2,
        },
    },
}
# What the models of github.com/smart-data-models demand, and the types of what we give besides.
MODELS: Mapping[str, tuple[list[str], dict[str, Any]]] = {
    "TrafficFlowObserved": (
        ["id", "type", "dateObserved"],
        {
            "dateObserved": {"type": "string", "pattern": r"^\S+Z/\S+Z$"},
            "dateObservedFrom": INSTANT,
            "dateObservedTo": INSTANT,
            "name": TEXT,
            "intensity": POSITIVE,
            "occupancy": {"type": "number", "minimum": 0, "maximum": 1},
            "averageVehicleSpeed": POSITIVE,
            "congested": {"type": "boolean"},
        },
    ),
    "AirQualityObserved": (
        ["id", "type", "dateObserved", "location"],
        {"dateObserved": INSTANT, "pm25": POSITIVE},
    ),
    "FloodMonitoring": (
        ["id", "type"],
        {"observationDateTime": INSTANT, "currentLevel": NUMBER, "stationID": TEXT},
    ),
    "WeatherObserved": (
        ["id", "type", "dateObserved", "location"],
        {"dateObserved": INSTANT, "precipitation": POSITIVE},
    ),
    "WaterQualityObserved": (
        ["id", "type", "dateObserved", "location"],
        {"dateObserved": INSTANT, "salinity": POSITIVE},
    ),
    "Alert": (
        ["id", "type", "alertSource", "category", "dateIssued"],
        {
            "category": {
                "enum": [
                    *("traffic", "naturalDisaster", "weather", "environment"),
                    *("health", "security", "agriculture"),
                ]
            },
            "subCategory": {
                "enum": ["flood", "rainfall", "airPollution", "waterPollution", "trafficJam"]
            },
            "dateIssued": INSTANT,
            "validFrom": INSTANT,
            "validTo": INSTANT,
            "description": TEXT,
            "alertSource": {"type": "string", "pattern": "^urn:ngsi-ld:"},
        },
    ),
}


def plain(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity as its model's schema sees it: attributes as bare values."""
    found: dict[str, Any] = {}
    for name, attribute in entity.items():
        if isinstance(attribute, dict):
            assert attribute["type"] in ("Property", "GeoProperty", "Relationship"), name
            value = attribute["object" if attribute["type"] == "Relationship" else "value"]
            typed = isinstance(value, dict) and value.get("@type") == "DateTime"
            found[name] = value["@value"] if typed else value
        else:
            found[name] = attribute
    return found


def assert_fits(entity: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Hold an entity against its model; returns it plain."""
    required, properties = MODELS[model]
    schema = {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": {
            "@context": {"type": "array", "items": {"type": "string", "format": "uri"}},
            "id": {"type": "string", "pattern": rf"^urn:ngsi-ld:{model}:[A-Za-z0-9:_.-]+$"},
            "type": {"const": model},
            "location": POINT,
            "address": {"type": "object", "required": ["addressLocality", "addressCountry"]},
            "refDevice": {"type": "string", "pattern": "^urn:ngsi-ld:Device:"},
            **properties,
        },
    }
    bare = plain(entity)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(bare)] == []
    return bare


@pytest.fixture
async def console(database: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Console]:
    enter_sites(database)
    async with running(database, tmp_path, clock=Hands(NOW)) as console:
        yield console


@pytest.fixture
async def platform(
    console: Console, database: DatabaseSettings
) -> AsyncIterator[httpx.AsyncClient]:
    """The province's data-sharing platform."""
    async with bearer(console, enter_credential(database, "lgsp")) as client:
        yield client


def read(
    database: DatabaseSettings,
    quantity: str,
    value: float,
    unit: str,
    at: datetime = NOW - timedelta(minutes=5),
    path: tuple[str, str, str] = GAUGE,
    quality: str = "good",
) -> UUID:
    """A reading in the database."""
    key = uuid4()
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO reading (id, time, city, site, device, bootid, sequence, replayed, "
            "quantity, value, unit, quality) "
            "VALUES (%s, %s, %s, %s, %s, %s, 0, false, %s, %s, %s, %s)",
            (key, at, *path, BOOT, quantity, value, unit, quality),
        )
    return key


def drive(
    database: DatabaseSettings,
    at: datetime,
    lane: str = "s-in-1",
    level: int | None = 1,
    speed: float | None = 30.0,
    path: tuple[str, str, str] = CAMERA,
) -> None:
    """A minute of 5 motorbikes, 2 cars and 3 people on foot."""
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO flow_minute (city, site, device, lane, minute, motorcycle, car, bus, "
            "truck, bicycle, three_wheeler, pedestrian, other, total, speed_sum, speed_weight, "
            "occupancy_sum, occupancy_weight, periods, seen, level) VALUES "
            "(%s, %s, %s, %s, %s, 5, 2, 0, 0, 0, 0, 3, 0, 10, %s, %s, 6, 60, 6, '{}', %s)",
            (
                *path,
                lane,
                at,
                0.0 if speed is None else speed * 7,
                0 if speed is None else 7,
                level,
            ),
        )


def warn(
    database: DatabaseSettings, kind: str, cleared: datetime | None = None, device: bool = True
) -> None:
    """An alert."""
    city, site, name = GAUGE
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO alert (id, kind, subject, city, site, device, raised_at, cleared_at, "
            "value, threshold, message_vi, message_en) "
            "VALUES (%s, %s, 'x', %s, %s, %s, %s, %s, 1.9, 1.8, 'mực nước 1,90 m', 'water')",
            (
                uuid4(),
                kind,
                city,
                site,
                name if device else None,
                NOW - timedelta(minutes=9),
                cleared,
            ),
        )


async def fetched(client: httpx.AsyncClient, model: str, **query: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/v1/fiware/{model}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/ld+json"
    found = answer.json()
    assert isinstance(found, list)
    return found


async def test_a_minute_of_a_lane(platform: httpx.AsyncClient, database: DatabaseSettings) -> None:
    minute = NOW.replace(second=0) - timedelta(minutes=2)
    drive(database, minute)
    (entity,) = await fetched(platform, "TrafficFlowObserved")
    bare = assert_fits(entity, "TrafficFlowObserved")
    assert bare["id"] == (
        "urn:ngsi-ld:TrafficFlowObserved:vithanh:tran-hung-dao:cam-1:s-in-1:20261120T0528Z"
    )
    assert bare["dateObserved"] == "2026-11-20T05:28:00.000Z/2026-11-20T05:29:00.000Z"
    assert bare["intensity"] == 7  # people on foot are no vehicles
    assert bare["averageVehicleSpeed"] == pytest.approx(30.0)
    assert bare["occupancy"] == pytest.approx(0.1)
    assert bare["congested"] is False
    assert bare["location"]["coordinates"] == [105.4703, 9.7842]
    assert bare["address"]["addressLocality"] == "Vị Thanh"
    assert entity["averageVehicleSpeed"]["unitCode"] == "KMH"
    assert entity["averageVehicleSpeed"]["observedAt"] == "2026-11-20T05:29:00.000Z"
    assert entity["@context"][0].endswith("dataModel.Transportation/master/context.jsonld")
    assert entity["@context"][-1].endswith("ngsi-ld-core-context.jsonld")


async def test_a_jam_and_a_lane_without_speed(
    platform: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    minute = NOW.replace(second=0) - timedelta(minutes=2)
    drive(database, minute, "jam", level=4)
    drive(database, minute, "blind", level=None, speed=None)
    found = {
        bare["name"]: bare
        for bare in (
            assert_fits(one, "TrafficFlowObserved")
            for one in await fetched(platform, "TrafficFlowObserved")
        )
    }
    assert found["jam"]["congested"] is True
    assert "congested" not in found["blind"]
    assert "averageVehicleSpeed" not in found["blind"]


async def test_a_minute_that_is_not_over_is_not_told(
    platform: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    drive(database, NOW.replace(second=0))
    since, far = (NOW - timedelta(hours=1)).isoformat(), (NOW + timedelta(hours=1)).isoformat()
    assert await fetched(platform, "TrafficFlowObserved", since=since, until=far) == []


@pytest.mark.parametrize(
    ("model", "quantity", "unit", "attribute", "code", "value"),
    [
        ("AirQualityObserved", "pm2_5", "ug/m3", "pm25", "GQ", 31.5),
        ("FloodMonitoring", "water_level", "m", "currentLevel", "MTR", -0.35),
        ("WeatherObserved", "rain", "mm/h", "precipitation", "H67", 12.0),
        ("WaterQualityObserved", "salinity", "g/L", "salinity", "GL", 4.2),
    ],
)
async def test_readings(
    platform: httpx.AsyncClient,
    database: DatabaseSettings,
    model: str,
    quantity: str,
    unit: str,
    attribute: str,
    code: str,
    value: float,
) -> None:
    key = read(database, quantity, value, unit)
    read(database, quantity, value, unit, quality="suspect")
    read(database, quantity, value, "furlong")  # a unit that the code would belie
    read(database, "noise", 60.0, "dB[SPL]")
    read(database, quantity, value, unit, path=("ngabay", "nowhere", "x"))  # no site file
    (entity,) = await fetched(platform, model)
    bare = assert_fits(entity, model)
    assert bare["id"] == f"urn:ngsi-ld:{model}:ngabay:hung-vuong:water-1:{key}"
    assert bare[attribute] == value
    assert entity[attribute]["unitCode"] == code
    assert entity[attribute]["observedAt"] == "2026-11-20T05:25:20.000Z"


async def test_alerts_of_the_city_and_not_of_our_devices(
    platform: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    warn(database, "flood", cleared=NOW)
    warn(database, "violation_surge", device=False)
    warn(database, "device_silent")
    warn(database, "sequence_gap")
    found = [assert_fits(one, "Alert") for one in await fetched(platform, "Alert")]
    flood, surge = sorted(found, key=lambda one: str(one["category"]))
    assert (flood["category"], flood["subCategory"]) == ("naturalDisaster", "flood")
    assert flood["validTo"] == "2026-11-20T05:30:20.000Z"
    assert flood["alertSource"] == "urn:ngsi-ld:Device:ngabay:hung-vuong:water-1"
    assert flood["description"] == "mực nước 1,90 m"
    assert surge["category"] == "traffic"
    assert "validTo" not in surge
    assert surge["alertSource"] == "urn:ngsi-ld:PointOfInterest:ngabay:hung-vuong"


async def test_a_credential_of_one_city_sees_that_city(
    console: Console, database: DatabaseSettings
) -> None:
    read(database, "pm2_5", 10.0, "ug/m3")
    drive(database, NOW.replace(second=0) - timedelta(minutes=2))
    warn(database, "flood")
    async with bearer(console, enter_credential(database, "vt", at="vithanh")) as client:
        assert await fetched(client, "AirQualityObserved") == []
        assert await fetched(client, "Alert") == []
        assert len(await fetched(client, "TrafficFlowObserved")) == 1


async def test_links_lead_to_everything_once_over_days(
    platform: httpx.AsyncClient, database: DatabaseSettings
) -> None:
    begin = NOW - timedelta(days=3)
    keys = [
        read(database, "pm2_5", 1.0, "ug/m3", at=at)
        for at in (begin, begin, begin + timedelta(days=1), begin + timedelta(days=2, hours=5))
    ]
    address = f"/api/v1/fiware/AirQualityObserved?since={begin:%Y-%m-%dT%H:%M:%SZ}&limit=1"
    seen: list[str] = []
    for _ in range(20):
        answer = await platform.get(address)
        assert answer.status_code == 200, answer.text
        seen += [one["id"].rpartition(":")[2] for one in answer.json()]
        if "next" not in answer.links:
            break
        address = answer.links["next"]["url"]
    assert sorted(seen) == sorted(str(key) for key in keys)


async def test_an_unknown_type_is_refused(platform: httpx.AsyncClient) -> None:
    answer = await platform.get("/api/v1/fiware/Vehicle")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", [{"limit": "1001"}, {"limit": "0"}, {"since": "2026-13-01"}])
async def test_bounds(platform: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await platform.get("/api/v1/fiware/Alert", params=query)
    assert answer.status_code == 422


instants = st.datetimes(timezones=st.timezones())


@given(st.none() | instants, st.none() | instants, st.none() | instants)
def test_pages_go_through_what_is_asked_and_end(
    since: datetime | None, until: datetime | None, after: datetime | None
) -> None:
    asked = span_of(since, until, NOW)
    if since is None and until is None:
        assert asked == (NOW - timedelta(hours=1), NOW)
    place = None if after is None else Place(after, UUID(int=0))
    page = page_of(asked, place)
    assert page.since >= asked.since
    assert page.until <= asked.until
    assert page.until - page.since <= ONE_PAGE
    assert page.until == asked.until or page.until > page.since  # goes on, so it ends
