"""Digests that this machine took for files whose digest the manifest does not know.

They stand in ``models.lock.toml`` beside the files. From then on the file must have that digest:
what a first look could not prove, a second one can.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ioc.errors import ConfigError, describe_validation

LOCK_FILE: Final = "models.lock.toml"

_HEAD = (
    "# Digests that this machine took by `ioc models pull` for files whose digest the manifest\n"
    "# does not know. Remove a section to forget one.\n"
)


class Taken(BaseModel):
    """A digest, and how it came to be believed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="The digest.")
    size: int = Field(gt=0, description="Bytes of the file.")
    how: Literal["given", "trust-first"] = Field(
        description="given: a person stated it; trust-first: what the source first sent."
    )
    source: Annotated[str, Field(pattern=r'^[^"\\\x00-\x1f\x7f]+$')] = Field(
        description="Where the file came from."
    )
    time: Annotated[str, Field(pattern=r"^[0-9TZ:.+-]+$")] = Field(description="When, UTC.")


class Lock(BaseModel):
    """All digests that were taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")], Taken] = {}


def load_lock(folder: Path) -> Lock:
    """What was taken for the files of a folder; nothing when it has no lock file.

    Raises:
        ConfigError: The lock file cannot be read or breaks the schema.
    """
    path = folder / LOCK_FILE
    try:
        return Lock.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return Lock()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; make it readable, or remove it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}; mend or remove it") from None
    except ValidationError as error:
        raise ConfigError(describe_validation(str(path), error, Lock)) from None


def taken_digest(folder: Path, name: str) -> str | None:
    """The digest that was taken for a model of a folder, if any.

    Raises:
        ConfigError: See ``load_lock``.
    """
    found = load_lock(folder).models.get(name)
    return found.sha256 if found is not None else None


def record(folder: Path, name: str, taken: Taken) -> Path:
    """Write down a digest, in place of an earlier one of that model; atomic.

    Returns:
        The lock file.

    Raises:
        ConfigError: The lock file cannot be read.
        OSError: It cannot be written.
    """
    models = dict(load_lock(folder).models)
    models[name] = taken
    lines = [_HEAD]
    for known, each in sorted(models.items()):
        lines.append(f'\n[models."{known}"]\n')
        lines.append(f'sha256 = "{each.sha256}"\nsize = {each.size}\nhow = "{each.how}"\n')
        lines.append(f'source = "{each.source}"\ntime = "{each.time}"\n')
    path = folder / LOCK_FILE
    draft = path.with_name(f"{LOCK_FILE}.{os.getpid()}.new")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
