"""What is on the wall now, tile by tile, as the bytes that travel. Pure.

A tile says when its data is of (``as_of``) and from what age it is stale (``stale_after``, s). The
browser counts the age, so that a tile whose data stops grows old in front of people's eyes even
when nothing reaches the browser any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, get_args

import msgspec

from ioc.events import UNITS, Rule
from store.wall import CONGESTED
from store.wall_rows import Figures, SiteFlow, SiteName, Value

STALE_AFTER: Final[Mapping[str, float]] = {
    "flow": 90,
    "violations": 90,
    "alerts": 30,
    "devices": 90,
    "values": 180,
    "review": 30,
}
"""Tiles, and the age from which each is stale, s: traffic comes every 10 s, most sensors send every
60 s, and the last two are asked for every second."""

SITE_STALE_AFTER: Final = 90.0
"""Age from which one site's traffic is stale, s."""

VALUE_STALE_AFTER: Final = 900.0
"""Age from which one value is stale, s: three times the period of the slowest sensor."""

MOST_ROWS: Final = 48
"""Rows of a tile that are sent, the worst first: more than any screen has room for. How many there
are is told beside them. A tile of 40 sites changes every second, and goes to every viewer."""

_QUANTITIES: Final = tuple(UNITS)


@dataclass(slots=True)
class Tile:
    """One tile.

    Attributes:
        data: Its content as JSON.
        as_of: What instant the content is known up to; None before there was any.
        changed: Version of the board in which the content changed last.
        aged: Version in which ``as_of`` changed last.
    """

    data: bytes
    as_of: datetime | None
    changed: int
    aged: int


class Board:
    """All tiles, and which of them changed when."""

    def __init__(self) -> None:
        self.version = 0
        self._tiles: dict[str, Tile] = {}

    def update(self, figures: Figures) -> bool:
        """Take over what is now; returns whether anything changed."""
        version = self.version + 1
        moved = False
        for name, (as_of, content) in tiles(figures).items():
            data = msgspec.json.encode(content)
            tile = self._tiles.get(name)
            if tile is None:
                self._tiles[name] = Tile(data, as_of, version, version)
                moved = True
                continue
            if data != tile.data:
                tile.data, tile.changed, moved = data, version, True
            # Without a judge of alerts nobody knows anything newer than what was known.
            if as_of is not None and as_of != tile.as_of:
                tile.as_of, tile.aged, moved = as_of, version, True
        if moved:
            self.version = version
        return moved

    def tiles_since(self, version: int) -> bytes:
        """JSON object of the tiles whose content changed after a version; 0: of all."""
        return _object(
            (
                name,
                b'{"as_of":%b,"stale_after":%b,"data":%b}'
                % (
                    msgspec.json.encode(tile.as_of),
                    msgspec.json.encode(STALE_AFTER[name]),
                    tile.data,
                ),
            )
            for name, tile in self._tiles.items()
            if tile.changed > version
        )

    def ages_since(self, version: int) -> bytes:
        """JSON object of ``as_of`` of the tiles that only grew younger after a version."""
        return _object(
            (name, msgspec.json.encode(tile.as_of))
            for name, tile in self._tiles.items()
            if tile.aged > version >= tile.changed
        )


def tiles(figures: Figures) -> dict[str, tuple[datetime | None, dict[str, Any]]]:
    """Name → what it is known up to, and its content."""
    names = {(name.city, name.site): name for name in figures.sites}
    return {
        "flow": (
            max((site.as_of for site in figures.flow), default=None),
            {
                "stale_after": SITE_STALE_AFTER,
                "total": len(names),
                "sites": _flow(figures, names)[:MOST_ROWS],
            },
        ),
        "violations": (figures.cameras_as_of, _violations(figures)),
        "alerts": (
            figures.now if figures.judged else None,
            {
                "judged": figures.judged,
                "total": figures.alerts_total,
                "alerts": [asdict(alert) for alert in figures.alerts],
            },
        ),
        "devices": (figures.devices_as_of, _devices(figures, names)),
        "values": (
            max((value.time for value in figures.values), default=None),
            {
                "stale_after": VALUE_STALE_AFTER,
                "total": len(figures.values),
                "over": sum(value.threshold is not None for value in figures.values),
                "values": _values(figures, names)[:MOST_ROWS],
            },
        ),
        "review": (figures.now, asdict(figures.waiting)),
    }


def _flow(figures: Figures, names: Mapping[tuple[str, str], SiteName]) -> list[dict[str, Any]]:
    """Sites, worst first; those that nothing is known of last."""
    flow = {(site.city, site.site): site for site in figures.flow}
    stale_before = figures.now - timedelta(seconds=SITE_STALE_AFTER)

    def rank(key: tuple[str, str]) -> tuple[int, int]:
        site = flow.get(key)
        if site is None:
            return 3, 0
        if site.as_of < stale_before:
            return 1, 0
        level = -1 if site.level is None else site.level
        return (0 if level >= CONGESTED else 2), -level

    return [
        {**asdict(names[key]), **_traffic(flow.get(key))}
        for key in sorted(names, key=lambda key: (rank(key), key))
    ]


def _traffic(site: SiteFlow | None) -> dict[str, Any]:
    if site is None:
        return {"as_of": None}
    speed = None if site.speed_kmh is None else round(site.speed_kmh)
    return {**asdict(site), "speed_kmh": speed}


def _violations(figures: Figures) -> dict[str, Any]:
    """Every kind has its place, with or without any; no plate, no vehicle, no place."""
    kinds = {rule: {"today": 0, "hour": 0} for rule in get_args(Rule)}
    for count in figures.rules:
        kinds[count.rule] = {"today": count.today, "hour": count.hour}
    return {
        "today": sum(kind["today"] for kind in kinds.values()),
        "hour": sum(kind["hour"] for kind in kinds.values()),
        "kinds": kinds,
    }


def _devices(figures: Figures, names: Mapping[tuple[str, str], SiteName]) -> dict[str, Any]:
    """Counts, and by site who is silent; the site that misses most comes first."""
    silent: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for gone in figures.silent:
        entry = {"device": gone.device, "since": gone.since}
        silent.setdefault((gone.city, gone.site), []).append(entry)
    sites = [
        {
            **_name(names, site.city, site.site),
            "total": site.total,
            "heard": site.heard,
            "silent": silent.get((site.city, site.site), []),
        }
        for site in sorted(figures.devices, key=lambda s: (s.heard - s.total, s.city, s.site))
    ]
    return {
        "total": sum(site.total for site in figures.devices),
        "heard": sum(site.heard for site in figures.devices),
        "places": len(sites),
        "sites": sites[:MOST_ROWS],
    }


def _values(figures: Figures, names: Mapping[tuple[str, str], SiteName]) -> list[dict[str, Any]]:
    """Those beyond their limit first, then by site, quantity and device."""

    def rank(value: Value) -> tuple[bool, str, str, int, str, str]:
        known = value.quantity in _QUANTITIES
        place = _QUANTITIES.index(value.quantity) if known else len(_QUANTITIES)
        calm = value.threshold is None
        return calm, value.city, value.site, place, value.quantity, value.device

    return [
        {**_name(names, value.city, value.site), **asdict(value)}
        for value in sorted(figures.values, key=rank)
    ]


def _name(names: Mapping[tuple[str, str], SiteName], city: str, site: str) -> dict[str, Any]:
    """A site as it is called; an alert may name a device of a site that was never heard of."""
    known = names.get((city, site))
    if known is None:
        known = SiteName(
            city=city, site=site, name_vi=site, name_en=site, city_vi=city, city_en=city
        )
    return asdict(known)


def _object(entries: Iterable[tuple[str, bytes]]) -> bytes:
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), value) for name, value in entries)
