"""Brings a model's file into the model folder, and lets it count only when its digest is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from ioc.errors import ConfigError
from models.download import Fetcher, Progress, SourceError, shown
from models.lock import LOCK_FILE, Taken, load_lock, record
from models.manifest import Entry, Manifest
from models.part import DiskError, Part, held_part
from models.registry import OWN_WEIGHTS, fitted, present, sha256_of

MIRROR_VARIABLE: Final = "IOC_MODELS_MIRROR"

Proof = Literal["manifest", "given", "lock", "trust-first"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of one model.

    Attributes:
        name: Its name.
        state: ``present`` when the right file was there already.
        path: The file; None when it failed.
        sha256: Its digest.
        size: Bytes.
        proof: Who vouches for the digest: the manifest, the person who gave it, this machine's
            lock file, or nobody but the source that was asked first.
        source: Where it came from; None when it was there.
        faults: What sources did not give it, and why, a line each.
    """

    name: str
    state: Literal["pulled", "present", "failed"]
    path: Path | None = None
    sha256: str | None = None
    size: int | None = None
    proof: Proof | None = None
    source: str | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the file of a model must be.

    Attributes:
        sha256: Its digest; None when whatever comes first is believed.
        proof: Who vouches for it.
    """

    sha256: str | None
    proof: Proof


def wanted(
    name: str, manifest: Manifest, folder: Path, given: str | None, trust_first: bool
) -> Wanted:
    """What must come for a model.

    Args:
        name: Its name.
        manifest: The known models.
        folder: The model folder, with its lock file.
        given: The digest that a person states.
        trust_first: Believe what comes when nobody states a digest.

    Raises:
        ConfigError: There is no such model, digests contradict each other, or there is none.
    """
    entry = manifest.entry(name)
    if given is not None:
        given = given.strip().lower().removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{64}", given):
            raise ConfigError(f"--sha256 {given[:80]}: a digest has 64 hexadecimal digits")
        if entry.sha256 is not None and entry.sha256 != given:
            raise ConfigError(
                f"--sha256 {given}: the manifest says {entry.sha256} for {name}; leave --sha256 out"
            )
    if entry.sha256 is not None:
        return Wanted(entry.sha256, "manifest")
    if given is not None:
        return Wanted(given, "given")
    if taken := load_lock(folder).models.get(name):
        return Wanted(taken.sha256, "lock")
    if trust_first:
        return Wanted(None, "trust-first")
    raise ConfigError(
        f"{name}: the manifest has no digest of this file; give --sha256 if somebody whom you "
        f"trust states it, or --trust-first to believe what comes and keep it in {LOCK_FILE}"
    )


def locations(entry: Entry, mirrors: Sequence[str]) -> list[str | Path]:
    """Where a file may come from, in the order in which it is asked for: mirrors, then sources.

    Args:
        entry: The model.
        mirrors: Base addresses (http, https, file) or folders.

    Raises:
        ConfigError: A mirror is no address and no folder.
    """
    found: list[str | Path] = []
    for mirror in mirrors:
        scheme = urlsplit(mirror).scheme.lower() if "://" in mirror else ""
        if scheme in ("http", "https"):
            found.append(f"{mirror.rstrip('/')}/{quote(entry.file)}")
        elif scheme == "file":
            found.append(Path(url2pathname(urlsplit(mirror).path)) / entry.file)
        elif scheme or not mirror.strip():
            raise ConfigError(
                f"--mirror {shown(mirror)!r}: give an address that begins with http://, https:// "
                "or file://, or a folder"
            )
        else:
            found.append(Path(mirror).expanduser() / entry.file)
    return [*found, *entry.sources]


def pull(
    name: str,
    manifest: Manifest,
    folder: Path,
    fetcher: Fetcher,
    *,
    mirrors: Sequence[str] = (),
    given: str | None = None,
    trust_first: bool = False,
    progress: Progress = lambda done, whole: None,
    tell: Callable[[str], None] = lambda line: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Pulled:
    """Bring one model's file into the folder, unless it is there.

    It is written beside its place and renamed once its digest is right and it is on the disk; so
    a file of that name is whole, whatever happens meanwhile. What was fetched stays for the next
    call, until it proves wrong.

    Args:
        name: Its name.
        manifest: The known models.
        folder: The model folder.
        fetcher: Asks the servers.
        mirrors: See ``locations``.
        given: The digest that a person states.
        trust_first: Believe what comes when nobody states a digest.
        progress: Told of each chunk.
        tell: Told of each source that failed, in one line.
        now: The time, for the lock file.

    Raises:
        ConfigError: Wrong use; see ``wanted`` and ``locations``.
    """
    entry = manifest.entry(name)
    aim = wanted(name, manifest, folder, given, trust_first)
    places = locations(entry, mirrors)
    if (there := _present(name, entry, aim, folder)) is not None:
        return there
    if not places:
        return Pulled(
            name,
            "failed",
            faults=("it lies nowhere on the net: copy it from another machine with --mirror",),
        )
    faults: list[str] = []
    try:
        with held_part(folder / entry.file) as part:
            if (there := _present(name, entry, aim, folder)) is not None:
                part.drop()
                return there
            for place in places:
                told = shown(place) if isinstance(place, str) else str(place)
                try:
                    digest = _bring(place, part, entry, aim, fetcher, progress)
                    _check_graph(part, name, manifest, aim)
                except SourceError as fault:
                    faults.append(f"{told}: {fault}")
                    tell(faults[-1])
                    continue
                size = part.size
                if aim.proof in ("given", "trust-first"):
                    _record(folder, name, digest, size, aim, told, now())
                part.finish()
                return Pulled(
                    name, "pulled", part.target, digest, size, aim.proof, told, tuple(faults)
                )
    except DiskError as fault:
        faults.append(str(fault))
        tell(str(fault))
    return Pulled(name, "failed", faults=tuple(faults))


def _present(name: str, entry: Entry, aim: Wanted, folder: Path) -> Pulled | None:
    if aim.sha256 is None:
        return None
    for path in present(entry, (folder, OWN_WEIGHTS)):
        if sha256_of(path) == aim.sha256:
            size = path.stat().st_size
            return Pulled(name, "present", path, aim.sha256, size, aim.proof)
    return None


def _bring(
    place: str | Path,
    part: Part,
    entry: Entry,
    aim: Wanted,
    fetcher: Fetcher,
    progress: Progress,
) -> str:
    """Fetch the whole, and check its digest; what was gone on with gets a second, fresh try."""
    for fresh in _turns(part):
        if fresh:
            part.empty()
        if isinstance(place, Path):
            _copy(place, part, entry.size or fetcher.limits.cap, progress)
        else:
            fetcher.fetch(place, part, entry.size, progress)
        digest = sha256_of(part.path)
        if aim.sha256 in (None, digest):
            return digest
        size = part.size
    part.empty()
    vouches = {"lock": f"{LOCK_FILE} says", "given": "--sha256 says"}.get(
        aim.proof, "the manifest says"
    )
    raise SourceError(
        f"another file ({size:,} bytes, SHA-256 {digest}; {vouches} {aim.sha256}); thrown away"
    )


def _turns(part: Part) -> Iterator[bool]:
    resumed = part.size > 0
    yield False
    if resumed:
        yield True


def _copy(source: Path, part: Part, most: int, progress: Progress) -> None:
    part.empty()
    try:
        with source.open("rb") as file:
            whole = source.stat().st_size
            if whole > most:
                raise SourceError(f"{whole:,} bytes, over the limit of {most:,}")
            part.make_room(whole)
            progress(0, whole)
            while chunk := file.read(1 << 16):
                part.write(chunk)
                progress(part.size, whole)
    except FileNotFoundError:
        raise SourceError("no such file there") from None
    except OSError as error:
        raise SourceError(f"{error.strerror}") from None


def _check_graph(part: Part, name: str, manifest: Manifest, aim: Wanted) -> None:
    """A file for which no manifest vouches must at least be a model of that kind."""
    if aim.proof == "manifest":
        return
    try:
        fitted(part.path, name, manifest)
    except ConfigError as error:
        part.empty()
        raise SourceError(f"{error}".replace(str(part.path), "what came")) from None


def _record(
    folder: Path, name: str, digest: str, size: int, aim: Wanted, source: str, time: datetime
) -> None:
    how: Literal["given", "trust-first"] = "given" if aim.proof == "given" else "trust-first"
    stamp = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    safe = re.sub(r'["\\\x00-\x1f\x7f]', "_", source)
    taken = Taken(sha256=digest, size=size, how=how, source=safe, time=stamp)
    try:
        record(folder, name, taken)
    except OSError as error:
        raise DiskError(f"{folder / LOCK_FILE}: {error.strerror}; make it writable") from None
