"""Signatures judged anew when keys are enrolled or revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from console.signatures import manifest_fault, signature_fault
from ioc.topics import DevicePath
from store import audit, device_keys, evidence, evidence_files
from store.people import Connection

Change = tuple[str, str | None, str | None]
"""What it is about, the verdict before, and the one now."""

PAGE: Final = 200
ACTOR: Final = "system:evidence"
_FIRST: Final = UUID(int=0)


async def recheck(connection: Connection, now: datetime) -> int:
    """Judge one page of what a change of the keys gives another verdict.

    Args:
        connection: In a transaction, in which nothing else follows.
        now: The time.

    Returns:
        How many verdicts have changed; 0 when none is left.
    """
    due = await evidence_files.sets_to_judge(connection, PAGE)
    keys = await device_keys.keys_by_public(connection, [one.public for one in due])
    changed: list[Change] = []
    for one in due:
        fault = manifest_fault(one.path, one.act_time, keys.get(one.public))
        await evidence_files.judge_set(connection, one.manifest, fault, now)
        changed.append((f"evidence:{one.manifest}", one.fault, fault))
    waiting = await evidence_files.violations_to_judge(connection, PAGE)
    changed += await _judge(connection, waiting)
    await _tell(connection, changed)
    return len(changed)


async def recheck_device(connection: Connection, path: DevicePath) -> int:
    """Judge all events of a device again, after its keys have changed.

    Args:
        connection: In a transaction, in which nothing else follows.
        path: The device.

    Returns:
        How many verdicts have changed.
    """
    changed: list[Change] = []
    after = _FIRST
    while page := await evidence_files.violations_of_device(connection, path, after, PAGE):
        after = page[-1][0]
        changed += await _judge(connection, page)
    await _tell(connection, changed)
    return len(changed)


async def judge_new(connection: Connection, violations: Sequence[UUID]) -> None:
    """Judge events that were just given their case.

    Args:
        connection: In the transaction that did so.
        violations: Their ids, as in ``case_violation``.
    """
    await _judge(connection, [(one, None) for one in violations])


async def _judge(connection: Connection, rows: Sequence[tuple[UUID, str | None]]) -> list[Change]:
    violations = await evidence.violations_data(connection, [row[0] for row in rows])
    paths = {one.path for one in violations.values()}
    keys = await device_keys.keys_by_device(connection, list(paths))
    changed: list[Change] = []
    for violation, before in rows:
        signed = violations[violation]
        fault = signature_fault(signed.data, keys.get(signed.path, []))
        if fault != before:
            await evidence_files.judge_violation(connection, violation, fault)
            changed.append((f"violation:{violation}", before, fault))
    return changed


async def _tell(connection: Connection, changed: Sequence[Change]) -> None:
    for subject, before, fault in changed:
        await audit.append(
            connection, ACTOR, "evidence.judged", subject, before=before, fault=fault
        )
