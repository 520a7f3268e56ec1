"""The rendered clips that the demo plays to its camera nodes, each with what is true of it.

They come with the program (``simulator/clips``), so that a demo needs neither the traffic
simulator nor the renderer. ``make clips`` renders them anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

import simulator
from ioc.decode import ContractError, decode
from ioc.errors import ConfigError
from ioc.events import SignalEvent, encode
from ioc.site import load_site
from ioc.topics import DevicePath
from simulator.truth.record import Record

CLIPS: Final = Path(simulator.__file__).parent / "clips"
"""The clips that come with the program."""

TRUTH: Final = ".truth.json"
MEND: Final = "render clips with 'make clips', or give --clips what 'ioc sim video --out' wrote"


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in NAME.truth.json; see ``simulator.truth.files``."""

    format: Literal[1]
    truth: Record


@dataclass(frozen=True)
class Footage:
    """One camera's clip.

    Attributes:
        camera: The camera.
        site_file: The site file that a node runs the clip with; its source is the clip.
        video: The clip.
        truth: What truly happens in it.
        controller: The signal controller of the clip; None where there are no signals.
        changes: Its events, with the times of the recording.
    """

    camera: DevicePath
    site_file: Path
    video: Path
    truth: Record
    controller: DevicePath | None
    changes: tuple[SignalEvent, ...]

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.truth.frames / self.truth.rate

    def changes_from(self, start: datetime) -> tuple[SignalEvent, ...]:
        """The controller's events if the clip's first frame is taken at ``start``."""
        shift = start - self.truth.start
        return tuple(
            msgspec.structs.replace(
                event,
                time=event.time + shift,
                data=msgspec.structs.replace(event.data, since=event.data.since + shift),
            )
            for event in self.changes
        )

    def write_signals(self, path: Path, start: datetime) -> None:
        """Write the controller's events as a node reads them (``--signals``)."""
        lines = (encode(event) + b"\n" for event in self.changes_from(start))
        path.write_bytes(b"".join(lines))


def footage_of(folder: Path = CLIPS) -> tuple[Footage, ...]:
    """The clips of a folder, in the order of their names.

    Raises:
        ConfigError: There is none, a file of one is missing or wrong, or two are of one camera.
    """
    found = tuple(
        read_footage(path.with_name(path.name.removesuffix(TRUTH)))
        for path in sorted(folder.glob(f"*{TRUTH}"))
    )
    if not found:
        raise ConfigError(f"{folder}: no clip (*{TRUTH}) in this folder; {MEND}")
    cameras = [one.camera.key for one in found]
    twice = sorted({camera for camera in cameras if cameras.count(camera) > 1})
    if twice:
        raise ConfigError(f"{folder}: two clips of {', '.join(twice)}; leave one there")
    return found


def read_footage(stem: Path) -> Footage:
    """One clip.

    Args:
        stem: Its files' path without their endings.

    Raises:
        ConfigError: A file is missing or wrong.
    """
    truth_file, video = stem.with_name(stem.name + TRUTH), stem.with_name(f"{stem.name}.mp4")
    site_file = stem.with_name(f"{stem.name}.site.yaml")
    if not video.is_file():
        raise ConfigError(f"{video}: no such file; {MEND}")
    try:
        truth = msgspec.json.decode(truth_file.read_bytes(), type=_File).truth
    except OSError as error:
        raise ConfigError(f"{truth_file}: {error.strerror}; {MEND}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{truth_file}: {error}; {MEND}") from None
    site = load_site(site_file)
    if f"{site.city}/{site.site}" != truth.place:
        raise ConfigError(f"{site_file}: is not of {truth.place}, as {truth_file.name} is; {MEND}")
    controller = site.path(site.signals[0].id) if site.signals else None
    changes = () if controller is None else _changes(stem.with_name(f"{stem.name}.signals.jsonl"))
    camera = site.path(site.camera(truth.camera).id)
    return Footage(camera, site_file, video, truth, controller, changes)


def _changes(path: Path) -> tuple[SignalEvent, ...]:
    try:
        events = [decode(line) for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; {MEND}") from None
    except ContractError as error:
        raise ConfigError(f"{path}: {error}; {MEND}") from None
    return tuple(event for event in events if isinstance(event, SignalEvent))


def longest_s(clips: Sequence[Footage]) -> float:
    """Length of the longest clip, seconds."""
    return max((clip.seconds for clip in clips), default=0.0)
