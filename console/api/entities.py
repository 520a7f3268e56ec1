"""Observations and alerts as entities of NGSI-LD (ETSI GS CIM 009) after the Smart Data Models.

Which model for which quantity, and why:

- flow of a lane → ``TrafficFlowObserved``. ``laneId`` must be a number there, and our lanes have
  names: the name goes into ``name``.
- ``pm2_5`` → ``AirQualityObserved.pm25``.
- ``water_level`` → ``FloodMonitoring.currentLevel``: a gauge at a canal is what the model is for.
  ``WaterObserved.waterLevel`` is refused below 0, and at low tide our gauges are below their datum.
- ``rain`` → ``WeatherObserved.precipitation``, whose unit is the litre per square metre, that is
  the millimetre. Our sensors tell the rate, and ``unitCode`` says so: H67, millimetres per hour.
- ``salinity`` → ``WaterQualityObserved.salinity``.
- noise has no model that we can fill honestly: ``NoiseLevelObserved`` knows A-weighted levels over
  a period, and our contract has neither the weighting nor the period.

Alerts about our own devices (silent, events missing) are nobody else's business and stay here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, cast

from pydantic import ConfigDict, Field

from console.api.common import Answer, rfc3339
from store.observations import GoodReading, LaneMinute, Observed, Raised

Stamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Name = Literal[
    "TrafficFlowObserved",
    "AirQualityObserved",
    "FloodMonitoring",
    "WeatherObserved",
    "WaterQualityObserved",
    "Alert",
]

CONGESTED_FROM: Final = 4
"""Level at which a lane counts as congested: at most 40 % of its free speed."""

_CORE: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
_DOMAIN: Final[dict[Name, str]] = {
    "TrafficFlowObserved": "Transportation",
    "AirQualityObserved": "Environment",
    "FloodMonitoring": "Environment",
    "WeatherObserved": "Weather",
    "WaterQualityObserved": "WaterQuality",
    "Alert": "Alert",
}

ALERTS: Final[dict[str, tuple[str, str | None]]] = {
    "flood": ("naturalDisaster", "flood"),
    "rain": ("weather", "rainfall"),
    "air_quality": ("environment", "airPollution"),
    "salinity": ("environment", "waterPollution"),
    "noise": ("environment", None),
    "threshold": ("environment", None),
    "queue_spillback": ("traffic", "trafficJam"),
    "violation_surge": ("traffic", None),
}
"""Kind of alert → category and subcategory of the model ``Alert``."""


class Part(Answer):
    """A part of an entity: its names are the standard's."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )


class Number(Part):
    """A measured value."""

    type: Literal["Property"] = "Property"
    value: float
    unitCode: str | None = Field(None, description="UN/CEFACT Recommendation 20.")  # noqa: N815
    observedAt: Stamp | None = None  # noqa: N815


class Words(Part):
    """A text."""

    type: Literal["Property"] = "Property"
    value: str


class Flag(Part):
    """Yes or no."""

    type: Literal["Property"] = "Property"
    value: bool
    observedAt: Stamp | None = None  # noqa: N815


class DateTime(Part):
    """An instant in UTC."""

    type: Literal["DateTime"] = Field("DateTime", alias="@type")
    value: Stamp = Field(alias="@value")


class Moment(Part):
    """An instant as a property."""

    type: Literal["Property"] = "Property"
    value: DateTime


class PostalAddress(Part):
    """Where a junction is, in words."""

    streetAddress: str  # noqa: N815
    addressLocality: str  # noqa: N815
    addressCountry: Literal["VN"] = "VN"  # noqa: N815


class Address(Part):
    """An address as a property."""

    type: Literal["Property"] = "Property"
    value: PostalAddress


class Point(Part):
    """GeoJSON: longitude, then latitude, degrees."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class Location(Part):
    """A position as a property."""

    type: Literal["GeoProperty"] = "GeoProperty"
    value: Point


class Link(Part):
    """A relationship to another entity."""

    type: Literal["Relationship"] = "Relationship"
    object: str


class Entity(Part):
    """What every entity has."""

    context: list[str] = Field(alias="@context")
    id: str = Field(pattern="^urn:ngsi-ld:")
    location: Location
    address: Address


class TrafficFlowObserved(Entity):
    """Traffic of one lane over one minute."""

    type: Literal["TrafficFlowObserved"]
    dateObserved: Words = Field(description="Begin and end as an ISO 8601 interval.")  # noqa: N815
    dateObservedFrom: Moment  # noqa: N815
    dateObservedTo: Moment  # noqa: N815
    name: Words = Field(description="The lane, as its site file names it.")
    intensity: Number = Field(description="Vehicles in this minute.")
    averageVehicleSpeed: Number | None = None  # noqa: N815
    occupancy: Number | None = None
    congested: Flag | None = None
    refDevice: Link  # noqa: N815


class AirQualityObserved(Entity):
    """Fine dust."""

    type: Literal["AirQualityObserved"]
    dateObserved: Moment  # noqa: N815
    pm25: Number
    refDevice: Link  # noqa: N815


class FloodMonitoring(Entity):
    """Level of a water."""

    type: Literal["FloodMonitoring"]
    observationDateTime: Moment  # noqa: N815
    currentLevel: Number  # noqa: N815
    stationID: Words  # noqa: N815


class WeatherObserved(Entity):
    """Rain."""

    type: Literal["WeatherObserved"]
    dateObserved: Moment  # noqa: N815
    precipitation: Number
    refDevice: Link  # noqa: N815


class WaterQualityObserved(Entity):
    """Salt in a water."""

    type: Literal["WaterQualityObserved"]
    dateObserved: Moment  # noqa: N815
    salinity: Number


class Alert(Entity):
    """Something that the centre was warned of; without ``validTo`` it stands."""

    type: Literal["Alert"]
    category: Words
    subCategory: Words | None = None  # noqa: N815
    alertSource: Link  # noqa: N815
    dateIssued: Moment  # noqa: N815
    validFrom: Moment  # noqa: N815
    validTo: Moment | None = None  # noqa: N815
    description: Words = Field(description="Vietnamese.")


def flow_entity(minute: LaneMinute) -> TrafficFlowObserved:
    """A minute of a lane."""
    begin, end = rfc3339(minute.at), rfc3339(minute.at + timedelta(minutes=1))
    stamp = minute.at.strftime("%Y%m%dT%H%MZ")
    speed, share, level = minute.speed_kmh, minute.occupancy, minute.level
    return TrafficFlowObserved(
        **_common(minute, "TrafficFlowObserved", minute.device, minute.lane, stamp),
        dateObserved=Words(value=f"{begin}/{end}"),
        dateObservedFrom=_moment(minute.at),
        dateObservedTo=_moment(minute.at + timedelta(minutes=1)),
        name=Words(value=minute.lane),
        intensity=Number(value=minute.vehicles, observedAt=end),
        averageVehicleSpeed=None
        if speed is None
        else Number(value=speed, unitCode="KMH", observedAt=end),
        occupancy=None if share is None else Number(value=min(share, 1.0), observedAt=end),
        congested=None if level is None else Flag(value=level >= CONGESTED_FROM, observedAt=end),
        refDevice=_device(minute, minute.device),
    )


def air_entity(reading: GoodReading) -> AirQualityObserved:
    """A reading of ``pm2_5``."""
    return AirQualityObserved(
        **_common(reading, "AirQualityObserved", reading.device, str(reading.key)),
        dateObserved=_moment(reading.at),
        pm25=_measured(reading, "GQ"),
        refDevice=_device(reading, reading.device),
    )


def flood_entity(reading: GoodReading) -> FloodMonitoring:
    """A reading of ``water_level``."""
    return FloodMonitoring(
        **_common(reading, "FloodMonitoring", reading.device, str(reading.key)),
        observationDateTime=_moment(reading.at),
        currentLevel=_measured(reading, "MTR"),
        stationID=Words(value=f"{reading.city}/{reading.site}/{reading.device}"),
    )


def weather_entity(reading: GoodReading) -> WeatherObserved:
    """A reading of ``rain``."""
    return WeatherObserved(
        **_common(reading, "WeatherObserved", reading.device, str(reading.key)),
        dateObserved=_moment(reading.at),
        precipitation=_measured(reading, "H67"),
        refDevice=_device(reading, reading.device),
    )


def water_entity(reading: GoodReading) -> WaterQualityObserved:
    """A reading of ``salinity``."""
    return WaterQualityObserved(
        **_common(reading, "WaterQualityObserved", reading.device, str(reading.key)),
        dateObserved=_moment(reading.at),
        salinity=_measured(reading, "GL"),
    )


def alert_entity(alert: Raised) -> Alert:
    """An alert of a kind in ``ALERTS``."""
    category, detail = ALERTS[alert.kind]
    cleared = alert.cleared_at
    source = _device(alert, alert.device) if alert.device else Link(object=_site(alert))
    return Alert(
        **_common(alert, "Alert", str(alert.key)),
        category=Words(value=category),
        subCategory=None if detail is None else Words(value=detail),
        alertSource=source,
        dateIssued=_moment(alert.at),
        validFrom=_moment(alert.at),
        validTo=None if cleared is None else _moment(cleared),
        description=Words(value=alert.message_vi),
    )


READINGS: Final[dict[Name, tuple[str, str, Callable[[GoodReading], Entity]]]] = {
    "AirQualityObserved": ("pm2_5", "ug/m3", air_entity),
    "FloodMonitoring": ("water_level", "m", flood_entity),
    "WeatherObserved": ("rain", "mm/h", weather_entity),
    "WaterQualityObserved": ("salinity", "g/L", water_entity),
}
"""Model → quantity, the UCUM unit that its ``unitCode`` stands for, and how one is made."""


def _common(seen: Observed, name: Name, *parts: str) -> dict[str, Any]:
    domain = f"https://raw.githubusercontent.com/smart-data-models/dataModel.{_DOMAIN[name]}"
    where = PostalAddress(streetAddress=seen.name_vi, addressLocality=seen.city_name_vi)
    point = Point(coordinates=(seen.longitude, seen.latitude))
    return {
        "context": [f"{domain}/master/context.jsonld", _CORE],
        "id": ":".join(("urn:ngsi-ld", name, seen.city, seen.site, *parts)),
        "type": cast(Any, name),
        "location": Location(value=point),
        "address": Address(value=where),
    }


def _measured(reading: GoodReading, code: str) -> Number:
    return Number(value=reading.value, unitCode=code, observedAt=rfc3339(reading.at))


def _moment(at: datetime) -> Moment:
    return Moment(value=DateTime(value=rfc3339(at)))


def _device(seen: Observed, device: str) -> Link:
    return Link(object=f"urn:ngsi-ld:Device:{seen.city}:{seen.site}:{device}")


def _site(seen: Observed) -> str:
    return f"urn:ngsi-ld:PointOfInterest:{seen.city}:{seen.site}"
