"""The console's own keys, made at the first start: one signs, one seals."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken

from ioc.errors import ConfigError
from ioc.identity import DeviceKey

SIGNING: Final = "console.pem"
SEALING: Final = "sealing.key"


class Vault:
    """Keys of this installation. Losing them loses second factors and the console's name.

    Attributes:
        signing: Signs the audit's daily roots and every export (Ed25519).
    """

    def __init__(self, signing: DeviceKey, sealing: bytes) -> None:
        self.signing = signing
        self._fernet = Fernet(sealing)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the keys, or make them at the first start.

        Raises:
            ConfigError: They cannot be read or made, or others may read them.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(f"{folder}: {error.strerror}; console.keys_dir") from None
        return cls(DeviceKey.load_or_create(folder / SIGNING), _sealing_key(folder / SEALING))

    def seal(self, text: str) -> str:
        """A secret as it may lie in the database."""
        return self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """A secret from the database.

        Raises:
            ConfigError: It was sealed with another key.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise ConfigError(
                f"{SEALING} in console.keys_dir is not the key that second factors were sealed "
                "with; restore it, or let an admin reset the factors"
            ) from None


def _sealing_key(path: Path) -> bytes:
    try:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(file, "wb") as made:
                made.write(Fernet.generate_key())
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"{path}: others may read it; `chmod 600 {path}`")
        key = path.read_bytes().strip()
        Fernet(key)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; console.keys_dir") from None
    except ValueError:
        raise ConfigError(f"{path}: no sealing key; restore it from its copy") from None
    return key
