"""The views of plain PostgreSQL hold the figures that Python computes."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from ioc import events as e
from ioc.settings import DatabaseSettings
from tests.store.samples import START, flow
from tests.store.series import assert_aggregates, load_events, sample


def test_every_level_has_the_right_figures(database: DatabaseSettings) -> None:
    events = sample(START + timedelta(hours=16))  # the last day ends at 02:00 in Vietnam
    with psycopg.connect(database.url) as connection:
        assert load_events(connection, events) == len(events)
        assert load_events(connection, events[:60]) == 0
        assert_aggregates(connection, events)


def test_a_mean_speed_is_that_of_the_vehicles(database: DatabaseSettings) -> None:
    """A full minute and an empty one: the hour is not the mean of its minutes."""
    speeds = [(10, 30.0, 0), (1, 60.0, 120), (0, 90.0, 240), (5, None, 300)]
    events = []
    for number, (cars, speed, seconds) in enumerate(speeds):
        event = flow(number, at=START + timedelta(seconds=seconds))
        data = e.FlowData(lane="l", period_s=10.0, counts={"car": cars}, speed_kmh=speed)
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        events.append(e.FlowEvent(**{**fields, "data": data}))
    with psycopg.connect(database.url) as connection:
        load_events(connection, events)
        for level in ("1h", "1d"):
            row = connection.execute(f"SELECT speed_kmh, total FROM flow_{level}".encode())
            assert row.fetchone() == ((10 * 30.0 + 60.0) / 11, 16)
