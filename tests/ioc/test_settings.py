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
        ("[mqtt]\nhots = 'a'\n", "mqtt.hots", "unknown key"),
        ("[mqqt]\nhost = 'a'\n", "mqqt", "unknown key"),
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
    message = refused()
    assert "environment" in message
    assert f": {key}: " in message
    assert mend in message


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
