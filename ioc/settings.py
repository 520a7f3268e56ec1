"""Settings of every part: environment variables over one TOML file over defaults.

``IOC_CONFIG`` names the file (default ``ioc.toml`` in the working directory, if it is there).
A key ``[mqtt] host`` is the variable ``IOC_MQTT__HOST``. Secrets are given as paths of files, so
that none stands in an environment or a process list. Unknown keys and variables are refused.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from ioc.console_settings import ConsoleSettings
from ioc.errors import ConfigError, describe_validation
from ioc.grafana_settings import GrafanaSettings
from ioc.section import Section
from ioc.watch_settings import WatchSettings

PREFIX = "IOC_"
ENV_DELIMITER = "__"

OTHER_VARIABLES = (
    "IOC_CONFIG",
    "IOC_DATA_DIR",
    "IOC_MODELS_DIR",
    "IOC_MODELS_MIRROR",
    "IOC_CACHE",
)
"""Variables that are no settings: this file, ``models.registry`` and the tests read them."""

TEST_PREFIX = "IOC_TEST_"


class MqttSettings(Section):
    """The MQTT broker that devices publish to."""

    host: str = Field("127.0.0.1", description="Broker's name or address.")
    port: int = Field(1883, ge=1, le=65535, description="1883 plain, 8883 with TLS.")
    username: str | None = Field(None, description="User name, if the broker asks for one.")
    password_file: Path | None = Field(None, description="File whose content is the password.")
    ca_file: Path | None = Field(None, description="CA certificate; switches TLS on.")
    cert_file: Path | None = Field(None, description="This client's certificate.")
    key_file: Path | None = Field(None, description="This client's private key.")
    keepalive_s: int = Field(30, ge=5, le=3600, description="Seconds between pings.")
    session_expiry_s: int = Field(
        86_400, ge=0, description="How long the broker keeps our queue while we are away, seconds."
    )

    def password(self) -> str | None:
        """The password, read from its file at the time of use."""
        return None if self.password_file is None else self.password_file.read_text().strip()


class KafkaSettings(Section):
    """The Kafka cluster between ingest and streams."""

    bootstrap: str = Field("127.0.0.1:9092", description="host:port, separated by commas.")
    partitions: int = Field(8, ge=1, le=1024, description="Partitions of each event topic.")
    replication: int = Field(1, ge=1, le=10, description="Replicas of each topic; 3 in production.")
    fetch_wait_s: float = Field(
        0.5, gt=0, le=1.5, description="Longest wait of a fetch for new events, seconds."
    )
    retention_h: int = Field(168, ge=1, description="Hours that Kafka keeps an event.")


class DatabaseSettings(Section):
    """The PostgreSQL or TimescaleDB database."""

    url: str = Field("postgresql://127.0.0.1:5432/ioc", description="libpq connection string.")
    password_file: Path | None = Field(None, description="File whose content is the password.")
    pool_size: int = Field(4, ge=1, le=64, description="Connections a service may hold.")
    statement_timeout_s: float = Field(30, gt=0, description="Longest statement, seconds.")


class IngestSettings(Section):
    """The bridge from MQTT to Kafka."""

    client_id: str = Field("ioc-bridge-0", description="Fixed MQTT client id, one for each bridge.")
    share_group: str | None = Field(
        None, description="Name of the shared subscription when several bridges run."
    )
    receive_maximum: int = Field(
        1000, ge=1, le=65535, description="Messages in flight; at least rate times Kafka latency."
    )
    past_days: float = Field(30, gt=0, le=3650, description="Older events are set aside, days.")
    future_minutes: float = Field(
        5, gt=0, le=1440, description="Events further ahead are set aside, minutes."
    )
    adapters_file: Path | None = Field(None, description="TOML file of foreign payloads.")


class StreamsSettings(Section):
    """The Faust workers."""

    app_id: str = Field("ioc-streams", description="Consumer group; change it to start afresh.")
    batch_rows: int = Field(1000, ge=1, le=10_000, description="Most rows of one transaction.")
    batch_within_s: float = Field(
        0.25, gt=0, le=5, description="Longest wait for a batch to fill, seconds."
    )
    alert_interval_s: float = Field(5, gt=0, description="Seconds between checks of the alerts.")
    sites_dir: Path | None = Field(None, description="Folder of site files; default deploy/sites.")
    rebalance_timeout_s: float = Field(
        60, ge=6, description="Longest rebalance; the embedded broker makes a first join wait half."
    )
    session_timeout_s: float = Field(
        12,
        ge=3,
        description="A worker that is silent for so long is taken for dead, and its partitions "
        "move. Kafka's own lower bound (group.min.session.timeout.ms) is 6.",
    )
    instance_id: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Fixed name of this worker, different in each: a restarted worker then takes "
        "its partitions back at once, without a rebalance.",
    )
    web_port: int = Field(-1, ge=-1, le=65535, description="Faust's own web port; -1 is off.")


class EdgeSettings(Section):
    """What every device does to publish."""

    spool_dir: Path = Field(Path("spool"), description="Folder of the spools, one file a device.")
    spool_budget_mb: float = Field(512, gt=0, description="Disk budget of one spool, MiB.")
    cert_dir: Path | None = Field(
        None,
        description="Folder of the devices' certificates, {city}.{site}.{device}.crt and .key; "
        "without it every device shows mqtt.cert_file.",
    )
    inflight: int = Field(200, ge=1, le=65535, description="Unacknowledged publishes at a time.")
    resend_after_s: float = Field(
        30, gt=0, description="An event without a receipt is sent again after this, seconds."
    )
    reconnect_min_s: float = Field(0.5, gt=0, description="First wait to reconnect, seconds.")
    reconnect_max_s: float = Field(
        30, gt=0, description="Longest wait before a reconnect, seconds."
    )


class VisionSettings(Section):
    """The camera node."""

    model: str = Field("yolox-nano-640", min_length=1, description="Known model, or a path.")
    providers: tuple[Literal["tensorrt", "cuda", "openvino", "cpu"], ...] = Field(
        ("cpu",),
        min_length=1,
        description="Where the model runs, the wanted one first; it must load, the others stand in "
        "for what it cannot run.",
    )
    threads: int = Field(0, ge=0, le=256, description="Inference threads; 0 is one for each core.")
    batch_within_s: float = Field(
        0.04, gt=0, le=1, description="Longest wait for the other cameras' newest frames, seconds."
    )
    follow_signals: bool = Field(
        True, description="Subscribe to the signal controllers of the site."
    )
    plates: bool = Field(True, description="Read the plates of flagged vehicles.")


class EvidenceSettings(Section):
    """Recordings of violations on the node's disk, and their way to the core."""

    dir: Path = Field(Path("evidence"), description="Folder of the stores, one a device.")
    keys_dir: Path = Field(
        Path("keys"), description="Folder of the devices' signing keys, made at the first start."
    )
    pre_s: float = Field(6, ge=1, le=60, description="Recording before the act, seconds.")
    post_s: float = Field(6, ge=1, le=60, description="Recording after the act, seconds.")
    proxy: bool = Field(
        True, description="Make the reviewers' copy, with faces and others' plates hidden."
    )
    budget_mb: float = Field(10_240, gt=0, description="Disk budget of one store, MiB.")
    floor_mb: float = Field(256, ge=0, description="Free disk that is left to others, MiB.")
    keep_days: float = Field(
        30, gt=0, le=3650, description="Uploaded evidence is removed here after this, days."
    )
    upload_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Files are PUT to {upload_url}/{sha256}; without it nothing is uploaded.",
    )
    allow_http: bool = Field(
        False, description="Let upload_url be http:// to another machine: nothing is secret then."
    )
    ca_file: Path | None = Field(None, description="CA certificate of the evidence server.")
    cert_file: Path | None = Field(None, description="This node's certificate, for mutual TLS.")
    key_file: Path | None = Field(None, description="Its private key.")
    token_file: Path | None = Field(None, description="File whose content is the bearer token.")
    bandwidth_kbps: float | None = Field(
        None, gt=0, description="Most kbit/s of uploads, so that live streams are not starved."
    )
    retry_max_s: float = Field(300, gt=0, description="Longest wait before a retry, seconds.")


class TelemetrySettings(Section):
    """Logs and metrics."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, JSON elsewhere."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that /metrics listens on.")
    metrics_port: int = Field(
        -1, ge=-1, le=65535, description="Port of /metrics; 0 any free one, -1 none."
    )


class Settings(BaseSettings):
    """All settings of this installation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=ENV_DELIMITER, extra="forbid", frozen=True
    )

    mqtt: MqttSettings = MqttSettings()
    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    ingest: IngestSettings = IngestSettings()
    streams: StreamsSettings = StreamsSettings()
    edge: EdgeSettings = EdgeSettings()
    vision: VisionSettings = VisionSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    console: ConsoleSettings = ConsoleSettings()
    watch: WatchSettings = WatchSettings()
    grafana: GrafanaSettings = GrafanaSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over environment over the TOML file."""
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, toml


def config_file() -> Path:
    """The TOML file that settings come from; it need not exist unless ``IOC_CONFIG`` names it."""
    return Path(os.environ.get(PREFIX + "CONFIG", "ioc.toml"))


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        ConfigError: A value is wrong; the message names the file or variable, the key, the mend.
    """
    return read_settings()


def read_settings(**overrides: Any) -> Settings:
    """The settings as the environment and the file are now.

    Raises:
        ConfigError: A value is wrong; the message names the file or variable, the key, the mend.
    """
    path = config_file()
    if PREFIX + "CONFIG" in os.environ and not path.is_file():
        raise ConfigError(f"{path}: no such file; {PREFIX}CONFIG must name a TOML file")
    _refuse_unknown_variables()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(describe_validation(_origin, error, Settings)) from None
    except SettingsError:  # a whole section in one variable, and not as JSON
        raise ConfigError(_describe_sections()) from None
    except ValueError as error:  # malformed TOML
        raise ConfigError(f"{path}: {error}") from None


def _variables() -> dict[str, str]:
    """Our variables in the environment: their name in capitals → as it is written there."""
    return {name.upper(): name for name in os.environ if name.upper().startswith(PREFIX)}


def _origin(location: tuple[int | str, ...]) -> str:
    """Where a value came from: its variable, or that of its whole section, else the file."""
    found = _variables()
    parts = [str(part).upper() for part in location]
    for length in range(len(parts), 0, -1):
        name = PREFIX + ENV_DELIMITER.join(parts[:length])
        if name in found:
            return f"environment variable {found[name]}"
    return str(config_file())


def _refuse_unknown_variables() -> None:
    """A misspelt section would be passed over in silence.

    Raises:
        ConfigError: An ``IOC_*`` variable is none of ours; one line for each.
    """
    sections = [PREFIX + name.upper() for name in Settings.model_fields]
    lines = []
    for name, written in sorted(_variables().items()):
        section = name.partition(ENV_DELIMITER)[0]
        if section in sections or name in OTHER_VARIABLES or name.startswith(TEST_PREFIX):
            continue
        lines.append(f"environment variable {written}: unknown; {_mend_of(name, sections)}")
    if lines:
        raise ConfigError("\n".join(lines))


def _mend_of(name: str, sections: list[str]) -> str:
    """What to do about an unknown variable."""
    for section in sections:  # IOC_MQTT_HOST
        if name.startswith(section + "_"):
            key = name.removeprefix(section).lstrip("_")
            return f"did you mean {section}{ENV_DELIMITER}{key}?"
    section = name.partition(ENV_DELIMITER)[0]
    known = {full.removeprefix(PREFIX): full for full in (*sections, *OTHER_VARIABLES)}
    near = get_close_matches(section.removeprefix(PREFIX), known, n=1)
    if near:
        full = known[near[0]]
        return f"did you mean {full + name[len(section) :] if full in sections else full}?"
    keys = ", ".join(f"{full}{ENV_DELIMITER}…" for full in sections)
    return f"unset it; known are {keys}, {', '.join(OTHER_VARIABLES)}"


def _describe_sections() -> str:
    """The variables that hold a whole section, of which one is not JSON."""
    found = _variables()
    lines = []
    for section in Settings.model_fields:
        name = PREFIX + section.upper()
        if name in found:
            lines.append(
                f"environment variable {found[name]}: {section}: is a section of settings; "
                f"set its keys one by one, such as {name}{ENV_DELIMITER}"
                f"{next(iter(_keys_of(section))).upper()}"
            )
    return "\n".join(lines)


def _keys_of(section: str) -> list[str]:
    kind = Settings.model_fields[section].annotation
    assert isinstance(kind, type) and issubclass(kind, Section)
    return list(kind.model_fields)
