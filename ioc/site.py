"""Site files: what stands at one junction, as the installer writes it down.

One YAML file a site: its cameras (``ioc.camera``), its signal heads, its sensors with thresholds.
Unknown keys are refused; an error names the file, the key and the mend.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from ioc.camera import Camera, Id, Label, Part, Position, refuse_repeats
from ioc.errors import ConfigError, describe_validation
from ioc.events import UNITS
from ioc.topics import DevicePath, device_path

MAX_FILE_BYTES = 1_000_000


class Signal(Part):
    """A traffic-light controller that publishes its phases."""

    id: Id
    name: Label
    heads: tuple[Id, ...] = Field(min_length=1, description="Its signal heads.")


class Threshold(Part):
    """When a value raises an alert, and when it lets it go again."""

    raise_at: float = Field(description="The alert is raised at or above this.")
    clear_at: float = Field(description="The alert is cleared below this.")

    @model_validator(mode="after")
    def _check_hysteresis(self) -> Self:
        if self.clear_at >= self.raise_at:
            raise ValueError("clear_at must be below raise_at, or the alert would flicker")
        return self


class Sensor(Part):
    """A sensor that publishes readings."""

    id: Id
    name: Label
    quantity: str = Field(pattern=r"^[a-z][a-z0-9_.]*$", description="Such as water_level.")
    unit: str = Field(min_length=1, max_length=32, description="UCUM unit.")
    position: Position | None = None
    period_s: float = Field(60, gt=0, description="Seconds between readings.")
    alert: Threshold | None = Field(None, description="When its value raises an alert.")

    @model_validator(mode="after")
    def _check_unit(self) -> Self:
        expected = UNITS.get(self.quantity)
        if expected is not None and self.unit != expected:
            raise ValueError(f"{self.quantity} is measured in {expected!r}, not {self.unit!r}")
        return self


class AlertLimits(Part):
    """Limits of the alerts that concern the whole site."""

    silent_after_s: float = Field(60, gt=0, description="A device silent this long raises.")
    missing_events: int = Field(1, ge=1, description="Missing sequences that raise.")
    missing_for_s: float = Field(
        120, ge=0, description="How long they must be missing: a spool needs time to replay."
    )
    violations_per_5min: Threshold = Field(
        Threshold(raise_at=30, clear_at=15), description="Surge of violations at the site."
    )
    queue_share: Threshold = Field(
        Threshold(raise_at=0.9, clear_at=0.7), description="Queue over a lane's storage length."
    )


class Site(Part):
    """One junction."""

    city: Id
    site: Id
    name: Label
    city_name: Label
    ward: str | None = Field(None, description="Code of the ward, an attribute that may change.")
    position: Position
    cameras: tuple[Camera, ...] = ()
    signals: tuple[Signal, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    alerts: AlertLimits = AlertLimits()

    @model_validator(mode="after")
    def _check_devices(self) -> Self:
        refuse_repeats("devices", self.devices)
        heads = [head for signal in self.signals for head in signal.heads]
        refuse_repeats("signal heads", heads)
        for camera in self.cameras:
            named = [(f"line {line.id!r}", line.head) for line in camera.lines]
            named += [("a lamp", lamp.head) for lamp in camera.lamps]
            for what, head in named:
                if head is not None and head not in heads:
                    known = ", ".join(sorted(heads)) or "none"
                    raise ValueError(
                        f"{what} of {camera.id!r} names head {head!r}; the site's heads are {known}"
                    )
        return self

    @property
    def devices(self) -> tuple[str, ...]:
        """Ids of everything that publishes from here."""
        return (
            *(camera.id for camera in self.cameras),
            *(signal.id for signal in self.signals),
            *(sensor.id for sensor in self.sensors),
        )

    def path(self, device: str) -> DevicePath:
        """The path of one of the site's devices."""
        return device_path(self.city, self.site, device)

    def camera(self, camera_id: str | None) -> Camera:
        """The camera of that id, or the first when no id is given.

        Raises:
            ConfigError: The site has no such camera.
        """
        for camera in self.cameras:
            if camera_id in (None, camera.id):
                return camera
        known = ", ".join(camera.id for camera in self.cameras) or "none"
        raise ConfigError(f"site {self.site}: no camera {camera_id!r}; cameras are {known}")


class _Loader(yaml.SafeLoader):
    """YAML without the habit of keeping only the last of two equal keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys all differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} stands there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_site(path: Path) -> Site:
    """Read and check one site file.

    Raises:
        ConfigError: It cannot be read or breaks the schema; each fault is one line.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes; is it a site file?")
        content: Any = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a site file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: text that is not UTF-8, and dates such as 2026-02-30.
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys such as 'city' and 'site' at the top level")
    try:
        return Site.model_validate(content)
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, Site)) from None


def load_sites(folder: Path) -> tuple[Site, ...]:
    """All site files (``*.yaml``) of a folder, in the order of their names.

    Raises:
        ConfigError: One is wrong, two describe the same site, or there is none.
    """
    sites = tuple(load_site(path) for path in sorted(folder.glob("*.yaml")))
    if not sites:
        raise ConfigError(f"{folder}: no site file (*.yaml) in this folder")
    refuse_repeats(str(folder), [f"{site.city}/{site.site}" for site in sites], ConfigError)
    return sites


def sites_folder() -> Path:
    """The folder of the site files that come with the system."""
    return Path(__file__).resolve().parent.parent / "deploy" / "sites"
