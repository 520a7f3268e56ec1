"""Whether a device's signature is to be trusted. Pure: keys and what they signed in, a verdict out.

A fault is a short name, which is kept in the database and shown by the text ``fault_<name>``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, get_args

from ioc.events import ViolationData
from ioc.manifest import verify_violation
from ioc.topics import DevicePath
from store.device_keys import EnrolledKey

Fault = Literal["unsigned", "unknown_key", "other_device", "revoked", "changed"]
"""``unsigned``: there is no signature; ``unknown_key``: nobody vouches for the key;
``other_device``: the key belongs to another device; ``revoked``: the key was revoked before the
act; ``changed``: no key of the device has signed this."""

FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)


def manifest_fault(path: DevicePath, act: datetime, key: EnrolledKey | None) -> Fault | None:
    """Why a manifest is not trusted whose signature fits its key; None when it is.

    Args:
        path: The device that it names.
        act: When the act was.
        key: What is known of the key that signed it.
    """
    if key is None:
        return "unknown_key"
    if key.path != path:
        return "other_device"
    return "revoked" if _revoked(key, act) else None


def signature_fault(data: ViolationData | None, keys: Sequence[EnrolledKey]) -> Fault | None:
    """Why the signature of a violation is not trusted; None when it is.

    An event does not name its key: any key of its device will do that was good at the act.

    Args:
        data: The violation with its signature; None for a row that no device can have sent.
        keys: All keys of the device that it came from.
    """
    if data is None:
        return "changed"
    if not data.signature:
        return "unsigned"
    if not keys:
        return "unknown_key"
    signers = [key for key in keys if verify_violation(data, key.public)]
    if not signers:
        return "changed"
    return "revoked" if all(_revoked(key, data.act_time) for key in signers) else None


def _revoked(key: EnrolledKey, act: datetime) -> bool:
    return key.revoked is not None and key.revoked <= act
