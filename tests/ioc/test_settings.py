from __future__ import annotations

import os
from pathlib import Path

import pytest

from ioc.errors import ConfigError
from ioc.settings import read_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    for name in list(os.environ):
        if name.startswith("IOC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def refused() -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings()
    return str(caught.value)


def test_defaults_need_no_file() -> None:
    settings = read_settings()
    assert (settings.mqtt.host, settings.mqtt.port) == ("127.0.0.1", 1883)


def test_environment_over_file_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ioc.toml").write_text("[mqtt]\nhost = 'file'\nport = 2883\n")
    monkeypatch.setenv("IOC_MQTT__HOST", "environment")
    mqtt = read_settings().mqtt
    assert (mqtt.host, mqtt.port, mqtt.keepalive_s) == ("environment", 2883, 30)


def test_ioc_config_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.toml"
    path.write_text("[kafka]\npartitions = 3\n")
    monkeypatch.setenv("IOC_CONFIG", str(path))
    assert read_settings().kafka.partitions == 3


def test_a_named_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_CONFIG", "nowhere.toml")
    assert refused() == "nowhere.toml: no such file; IOC_CONFIG must name a TOML file"


@pytest.mark.parametrize(
    ("content", "key", "mend"),
    [
        ("[mqtt]\nhots = 'a'\n", "mqtt.hots", "unknown key; did you mean 'host'?"),
        ("[mqqt]\nhost = 'a'\n", "mqqt", "unknown key; did you mean 'mqtt'?"),
        ("[zebra]\nhost = 'a'\n", "zebra", "unknown key; known keys are mqtt, kafka, database,"),
        ("[ingest]\npast_days = inf\n", "ingest.past_days", "finite number"),
        ("[ingest]\npast_days = 1e12\n", "ingest.past_days", "less than or equal to 3650"),
        ("[database]\nstatement_timeout_s = nan\n", "database.statement_timeout_s", "finite"),
        ("[mqtt]\nport = 'x'\n", "mqtt.port", "valid integer, unable to parse"),
        ("[mqtt]\nport = 70000\n", "mqtt.port", "less than or equal to 65535, got 70000"),
        ("[mqtt]\nhost = 5\n", "mqtt.host", "valid string, got 5; put it in quotes"),
        ("mqtt = 3\n", "mqtt", "got 3"),
        ("[telemetry]\nlog_level = 'loud'\n", "telemetry.log_level", "'info'"),
    ],
)
def test_a_fault_in_the_file_names_file_key_and_mend(content: str, key: str, mend: str) -> None:
    Path("ioc.toml").write_text(content)
    message = refused()
    assert "ioc.toml" in message
    assert f": {key}: " in message
    assert mend in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value", "key", "mend"),
    [
        ("IOC_MQTT__PORT", "b", "mqtt.port", "valid integer"),
        ("IOC_MQTT__PORT", "", "mqtt.port", "valid integer"),
        ("IOC_MQTT__HOTS", "b", "mqtt.hots", "unknown key"),
        ("IOC_KAFKA__PARTITIONS", "0", "kafka.partitions", "greater than or equal to 1, got '0'"),
    ],
)
def test_a_fault_in_the_environment_names_it(
    name: str, value: str, key: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    Path("ioc.toml").write_text("[mqtt]\nkeepalive_s = 60\n")  # innocent
    assert refused().startswith(f"environment variable {name}: {key}: ")
    assert mend in refused()


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("IOC_MQQT__HOST", "did you mean IOC_MQTT__HOST?"),
        ("IOC_MQTT_HOST", "did you mean IOC_MQTT__HOST?"),
        ("ioc_databse__url", "did you mean IOC_DATABASE__URL?"),
        ("IOC_CONFG", "did you mean IOC_CONFIG?"),
        ("IOC_X", "unset it; known are IOC_MQTT__…, IOC_KAFKA__…"),
    ],
)
def test_a_variable_that_would_be_passed_over_is_refused(
    name: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")
    message = refused()
    assert message.startswith(f"environment variable {name}: unknown; {mend}")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", ["IOC_TEST_TIMESCALE_URL", "IOC_CACHE", "IOC_MODELS_DIR"])
def test_variables_that_are_no_settings_are_let_be(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")
    assert read_settings().mqtt.port == 1883


def test_case_does_not_matter_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ioc_mqtt__port", "b")
    assert refused().startswith("environment variable ioc_mqtt__port: mqtt.port: ")


def test_file_and_variable_are_blamed_for_their_own_faults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("ioc.toml").write_text("[mqtt]\nkeepalive_s = 1\n")
    monkeypatch.setenv("IOC_MQTT__PORT", "b")
    assert [line.split(": ")[:2] for line in refused().splitlines()] == [
        ["environment variable IOC_MQTT__PORT", "mqtt.port"],
        ["ioc.toml", "mqtt.keepalive_s"],
    ]


@pytest.mark.parametrize("value", ["b", "{", "3"])
def test_a_section_in_one_variable_is_blamed_on_the_variable(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("ioc.toml").write_text("[mqtt]\nkeepalive_s = 60\n")
    monkeypatch.setenv("IOC_MQTT", value)
    message = refused()
    assert message.startswith("environment variable IOC_MQTT: mqtt: ")
    assert "ioc.toml" not in message


def test_a_section_in_one_variable_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_MQTT", '{"port": 2883}')
    assert read_settings().mqtt.port == 2883
    monkeypatch.setenv("IOC_MQTT", '{"port": "b"}')
    assert refused().startswith("environment variable IOC_MQTT: mqtt.port: ")


def test_every_fault_is_one_line() -> None:
    Path("ioc.toml").write_text("[mqtt]\nport = 0\nkeepalive_s = 1\n[kafka]\nx = 1\n")
    assert len(refused().splitlines()) == 3


def test_what_is_not_toml_is_refused_with_its_line() -> None:
    Path("ioc.toml").write_text("[mqtt\n")
    message = refused()
    assert message.startswith("ioc.toml: ")
    assert "line 1" in message


def test_a_password_is_read_from_its_file_at_the_time_of_use(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    Path("ioc.toml").write_text(f"[mqtt]\npassword_file = '{secret}'\n")
    mqtt = read_settings().mqtt
    secret.write_text("one\n")
    assert mqtt.password() == "one"
    secret.write_text("two\n")
    assert mqtt.password() == "two"
    assert "two" not in repr(mqtt)
