"""The evidence of a run where people find it: checked, and under names that people can read."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import av
import av.error

from edge.evidence_files import object_path
from edge.evidence_store import store_folder
from ioc.errors import ConfigError
from ioc.identity import Trust
from measure.judgement import Reported
from vision.evidence.verify import verify

_ENDINGS: Final = {"video/mp4": ".mp4", "video/x-matroska": ".mkv", "image/jpeg": ".jpg",
                   "image/png": ".png"}  # fmt: skip

_SHOWN: Final = {"clip": "", "at": "-at", "plate": "-plate"}
"""Files of a set that are shown, and what is put behind their names."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A violation's clip.

    Attributes:
        report: The violation.
        clip: Its clip in the gallery; None when it has none.
        pictures: Pictures of the clip that could be decoded: those that begin a group.
    """

    report: Reported
    clip: Path | None
    pictures: int

    @property
    def playable(self) -> bool:
        """Whether there is a clip, and it gives pictures."""
        return self.pictures > 0


@dataclass(slots=True)
class Gallery:
    """All evidence of a run.

    Attributes:
        folder: Where the clips are.
        exhibits: The violations, in the order of their acts.
        sets: Sets of evidence that were verified.
        files: Files that they list.
        faults: What is wrong with any of them.
    """

    folder: Path
    exhibits: list[Exhibit] = field(default_factory=list)
    sets: int = 0
    files: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> int:
        """Rules with at least one playable clip."""
        return len({one.report.rule for one in self.exhibits if one.playable})


def default_folder() -> Path:
    """Where clips stay after a demo without ``--dir``, until the next: one for each user."""
    return Path(tempfile.gettempdir()) / f"haugiang-demo-{os.getuid()}"


def clear(folder: Path) -> None:
    """Make an empty folder of ours, or empty the one that is there.

    Raises:
        ConfigError: It is somebody else's, or cannot be written.
    """
    try:
        if folder.is_symlink() or (folder.exists() and folder.stat().st_uid != os.getuid()):
            raise ConfigError(f"{folder}: is not yours; give --dir FOLDER to keep the clips in")
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; give another --dir") from None


def hang(folder: Path, reports: Sequence[Reported], evidence: Path, keys: Path) -> Gallery:
    """Check all evidence, and put its clips into a folder.

    Args:
        folder: Where to; what an earlier run left there is removed.
        reports: The violations.
        evidence: The nodes' stores.
        keys: The nodes' keys.

    Raises:
        ConfigError: The folder cannot be written.
    """
    clear(folder)
    made = Gallery(folder)
    _verify(made, evidence, keys)
    for number, report in enumerate(reports, 1):
        made.exhibits.append(_hang(made, report, evidence, number))
    return made


def probe(clip: Path) -> int:
    """Pictures of a clip that can be decoded, of those that begin a group; 0 if it will not play.

    The others build on these; decoding all of them takes a second of a core each clip.
    """
    try:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            return sum(1 for _ in container.decode(stream))
    except (av.error.FFmpegError, IndexError, OSError):
        return 0


def _verify(made: Gallery, evidence: Path, keys: Path) -> None:
    try:
        report = verify(evidence, Trust.load(keys))
    except ConfigError as error:
        # Nothing was recorded: then there is nothing that could be wrong, unless the violations
        # name files, which ``_hang`` finds missing.
        if any(evidence.rglob("objects/*/*")):
            made.faults.append(str(error))
        return
    made.sets, made.files = report.sets, report.files
    made.faults += [str(fault) for fault in report.faults]


def _hang(made: Gallery, report: Reported, evidence: Path, number: int) -> Exhibit:
    store = store_folder(evidence, report.camera)
    clip: Path | None = None
    pictures = 0
    for ref in report.evidence:
        source = object_path(store, ref.sha256)
        if not source.is_file():
            made.faults.append(f"{report.rule} {report.id}: its {ref.role} is not in {store}")
            continue
        if ref.role not in _SHOWN:
            continue
        name = name_of(report, number) + _SHOWN[ref.role] + _ENDINGS.get(ref.media_type, "")
        target = made.folder / name
        _link(source, target)
        if ref.role == "clip":
            clip, pictures = target, probe(target)
            if not pictures:
                made.faults.append(f"{target}: does not play")
    return Exhibit(report, clip, pictures)


def name_of(report: Reported, number: int) -> str:
    """What a violation's files are called, without their endings."""
    return f"{number:02d}-{report.rule}"


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that has no links
        shutil.copyfile(source, target)
