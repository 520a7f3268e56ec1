"""A figure's JSON, as programs that check figures read it."""

from __future__ import annotations

import json

import pytest

from measure.figures import Figure, against, print_figures
from measure.services import Metrics, settings_of


def printed(capsys: pytest.CaptureFixture[str], *figures: Figure) -> str:
    print_figures(figures, as_json=True)
    return capsys.readouterr().out


def test_the_json_is_one_object_with_figures_and_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(
        capsys,
        against("ingest.rate", 900.0, 1000.0, "msg/s"),
        Figure(name="counts.error", value=0.1, unit="1", low=0.05, high=0.2),
        Figure(name="wall.p95", value=12.0, unit="ms"),
    )
    assert text.count("\n") == 1
    found = json.loads(text)
    assert set(found) == {"figures", "environment"}
    assert found["figures"] == [
        {"name": "ingest.rate", "value": 900.0, "unit": "msg/s", "limit": 1000.0, "ratio": 0.9},
        {"name": "counts.error", "value": 0.1, "unit": "1", "low": 0.05, "high": 0.2},
        {"name": "wall.p95", "value": 12.0, "unit": "ms"},
    ]
    environment = found["environment"]
    assert environment["cores"] >= 1
    assert environment["packages"]["paho-mqtt"]
    assert environment["processor"]


def test_people_get_a_line_a_figure(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures([against("ingest.rate", 12_345.678, 20_000.0, "msg/s")], as_json=False)
    assert capsys.readouterr().out == (
        "ingest.rate    12,345.678 msg/s   0.62 of the limit of 20,000.000 msg/s\n"
    )


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_that_was_not_measured_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=r"ingest\.rate: the limit is"):
        against("ingest.rate", 1.0, limit, "msg/s")


METRICS = """\
# HELP ioc_ingest_set_aside_total Messages given to the dead letters.
# TYPE ioc_ingest_set_aside_total counter
ioc_ingest_set_aside_total{reason="schema"} 3.0
ioc_ingest_set_aside_total{reason="oversize"} 4.0
# TYPE ioc_ingest_connected gauge
ioc_ingest_connected 1.0
"""


def test_metrics_are_summed_and_split_by_label() -> None:
    metrics = Metrics(METRICS)
    assert metrics.total("ioc_ingest_set_aside_total") == 7
    assert metrics.total("ioc_ingest_set_aside_total", reason="schema") == 3
    assert metrics.total("ioc_ingest_set_aside_total", reason="unit") == 0
    assert metrics.total("nothing") == 0
    assert metrics.by("ioc_ingest_set_aside_total", "reason") == {"schema": 3, "oversize": 4}
    assert metrics.by("ioc_ingest_connected", "reason") == {"": 1}


def test_the_settings_of_some_variables() -> None:
    settings = settings_of({"IOC_MQTT__PORT": "2883", "IOC_KAFKA__FETCH_WAIT_S": "0.05"})
    assert (settings.mqtt.port, settings.kafka.fetch_wait_s) == (2883, 0.05)
    assert settings.mqtt.host == "127.0.0.1"
