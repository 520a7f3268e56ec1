"""Who signs: a device's Ed25519 key, and the public keys that a verifier trusts.

A device makes its key itself, at its first start, and the private half never leaves it. What is
enrolled at the core is the public half with its id: ``ioc evidence key``.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ioc.errors import ConfigError
from ioc.topics import DevicePath, TopicError, device_path

SUFFIX: Final = ".pem"
_MAX_FILE_BYTES: Final = 16_384


def key_id(public: bytes) -> str:
    """The short name of a key: the first 16 hex digits of the SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


def device_file_name(path: DevicePath) -> str:
    """A file name for a device, without suffix: ``{city}__{site}__{device}``.

    A name may hold ``__`` itself; a dot, which no name may hold, is put between such underscores,
    so that two devices never share a file.
    """
    return "__".join(re.sub("_(?=_)", "_.", name) for name in path)


def device_of(stem: str) -> DevicePath | None:
    """The device that ``device_file_name`` made a name for, if the name is one of those."""
    parts = stem.split("__")
    if len(parts) != 3:
        return None
    try:
        return device_path(*(part.replace("_.", "_") for part in parts))
    except TopicError:
        return None


def key_file(folder: Path, path: DevicePath) -> Path:
    """Where a device's private key lies."""
    return folder / (device_file_name(path) + SUFFIX)


class DeviceKey:
    """The private key of a device.

    Attributes:
        public: The public half, 32 raw bytes.
        id: ``key_id`` of it.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = key_id(self.public)

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the key, or make one at the first start.

        The file appears whole or not at all, even when two processes make it at the same time:
        both then read the one that came first.

        Raises:
            ConfigError: It cannot be read or written, others may read it, or it is no such key.
        """
        if not path.exists():
            _create(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key.

        Raises:
            ConfigError: There is none, others may read it, or it is not an Ed25519 key.
        """
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read(_MAX_FILE_BYTES)
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot read the device key: {error.strerror}; evidence.keys_dir must be "
                "a folder that this user can read and write"
            ) from None
        if mode & 0o077:
            raise ConfigError(
                f"{path}: mode {mode:04o} lets others read the device key; `chmod 600 {path}`, "
                "and enrol a new key if somebody may have copied it"
            )
        try:
            private = load_pem_private_key(content, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigError(_not_a_key(path, "private")) from None
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigError(_not_a_key(path, "private"))
        return cls(private)

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes; the same for the same message (RFC 8032)."""
        return self._private.sign(message)

    def public_pem(self) -> str:
        """The public half as people pass it on: PEM, SubjectPublicKeyInfo."""
        pem = self._private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem.decode("ascii")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key that somebody vouches for.

    Attributes:
        public: 32 raw bytes.
        device: The only device that it may sign for; of any when None.
        file: Where it was read.
    """

    public: bytes
    device: DevicePath | None
    file: Path


class Trust:
    """The keys that a verifier trusts, by their ids."""

    def __init__(self, keys: list[TrustedKey]) -> None:
        self._keys: dict[bytes, list[TrustedKey]] = {}
        for key in keys:
            self._keys.setdefault(key.public, []).append(key)

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read one key, or all ``*.pem`` of a folder; public or private halves.

        A file that is named as ``key_file`` names it vouches for that device alone.

        Raises:
            ConfigError: It cannot be read, or is not an Ed25519 key.
        """
        if path.is_dir():
            files = sorted(path.glob("*" + SUFFIX))
            if not files:
                raise ConfigError(f"{path}: no key (*{SUFFIX}) in this folder")
        else:
            files = [path]
        return cls([TrustedKey(_public_of(file), device_of(file.stem), file) for file in files])

    @classmethod
    def merged(cls, parts: list[Trust]) -> Self:
        """All that any of them trusts."""
        return cls([key for part in parts for keys in part._keys.values() for key in keys])

    def fault(self, public: bytes, source: str) -> str | None:
        """Why a key may not speak for a device, or None when it may.

        Args:
            public: The key, 32 raw bytes.
            source: The device: ``/city/site/device``.
        """
        keys = self._keys.get(public)
        if not keys:
            return f"signed with key {key_id(public)}, which nobody vouches for"
        owners = [key.device.source for key in keys if key.device is not None]
        if len(owners) < len(keys) or source in owners:
            return None
        return f"signed with key {key_id(public)}, which belongs to {', '.join(owners)}"


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the owner of a key signed exactly this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{threading.get_native_id()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, pem)
            os.fsync(file)
        finally:
            os.close(file)
        try:
            os.link(draft, path)  # unlike a rename, this never replaces the key of another process
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot make the device key: {error.strerror}; evidence.keys_dir must be a "
            "folder that this user can write"
        ) from None


def _public_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; give a PEM file or a folder of them"
        ) from None
    if b"PRIVATE KEY" in content:
        return DeviceKey.load(path).public
    try:
        public = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(_not_a_key(path, "public")) from None
    if not isinstance(public, Ed25519PublicKey):
        raise ConfigError(_not_a_key(path, "public"))
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _not_a_key(path: Path, half: str) -> str:
    return (
        f"{path}: not an Ed25519 {half} key in PEM; `ioc evidence key` prints the public one of a "
        "device"
    )
