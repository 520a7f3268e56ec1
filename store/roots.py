"""Daily roots of the audit: the last link of each finished day, signed by the console's key.

Who owns the database can forge a whole chain, its end too. A root that was copied elsewhere names
the hash of a line of that day: no other chain fits it. The file of a root is canonical JSON, as
manifests are, so there is one spelling of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ioc.clock import VIETNAM
from ioc.events import Sha256
from ioc.identity import DeviceKey, Trust, is_signed, key_id
from ioc.manifest import Hex32, Hex64, canonical
from store.audit import span_of
from store.chain import Chain, text_of

Connection = AsyncConnection[Any]

FORMAT: Final = "vn.ioc.audit-root.v1"
MAX_BYTES: Final = 4096
SIGNER: Final = "/console"
"""Whom a key has to speak for."""

SETTLE: Final = timedelta(minutes=10)
"""A day is over for us a little later: clocks of console and database may differ."""

MOST_DAYS: Final = 400
"""Signed at a time; the next turn goes on."""


class _Statement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed."""

    format: Literal["vn.ioc.audit-root.v1"]
    day: date
    seq: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    hash: Sha256
    signed: str


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: Hex32
    root: _Statement
    signature: Hex64


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The signed last link of a day. Columns as in the table ``audit_root``.

    Attributes:
        day: In Vietnam.
        seq: Number of the last line of that day.
        hash: Its hash.
        key: The public key that signed, hex.
        signature: 64 bytes.
        signed: When.
    """

    day: date
    seq: int
    hash: bytes
    key: str
    signature: bytes
    signed: datetime

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.day.isoformat()}.json"

    @property
    def key_id(self) -> str:
        """Short name of the key."""
        return key_id(bytes.fromhex(self.key))

    def statement(self) -> bytes:
        """What is signed."""
        return canonical(self._statement())

    def file(self) -> bytes:
        """As it is kept outside of the database."""
        signature = self.signature.hex()
        return canonical(_File(key=self.key, root=self._statement(), signature=signature))

    def _statement(self) -> _Statement:
        return _Statement(
            format="vn.ioc.audit-root.v1",
            day=self.day,
            seq=self.seq,
            hash=self.hash.hex(),
            signed=text_of(self.signed),
        )


class RootError(ValueError):
    """A file is no root; the message says why."""


def sign(key: DeviceKey, *, day: date, seq: int, hash: bytes, signed: datetime) -> Root:
    """The root of a day."""
    values: dict[str, Any] = {"day": day, "seq": seq, "hash": hash, "signed": signed}
    draft = Root(**values, key=key.public.hex(), signature=b"")
    return Root(**values, key=draft.key, signature=key.sign(draft.statement()))


def read_root(data: bytes) -> Root:
    """Read the file of a root, before anybody asked whether its key is to be trusted.

    Raises:
        RootError: It is none, or is not spelt as it was signed.
    """
    if len(data) > MAX_BYTES:
        raise RootError(f"{len(data)} bytes are too many for a root")
    try:
        file = msgspec.json.decode(data, type=_File)
        signed = datetime.fromisoformat(file.root.signed)
        root = Root(
            day=file.root.day,
            seq=file.root.seq,
            hash=bytes.fromhex(file.root.hash),
            key=file.key,
            signature=bytes.fromhex(file.signature),
            signed=signed,
        )
        spelt = root.file()
    except (ValueError, OverflowError, RecursionError) as error:
        raise RootError(f"no signed root: {error}") from None
    if spelt != data:
        raise RootError("changed: not spelt as it was signed")
    return root


def fault_of(root: Root, trust: Trust) -> str | None:
    """What is wrong with a root by itself; None for nothing.

    Args:
        root: Of a file or of the database.
        trust: Keys of the console.
    """
    where = f"root of {root.day}"
    try:
        public = bytes.fromhex(root.key)
        statement = root.statement()
    except ValueError:
        return f"{where}: changed: its key is none"
    if public.hex() != root.key or not is_signed(statement, root.signature, public):
        return f"{where}: changed: the signature does not fit"
    foreign = trust.fault(public, SIGNER)
    return None if foreign is None else f"{where}: {foreign}"


def compare(roots: Iterable[Root], chain: Chain) -> None:
    """Hold roots against a chain that was followed to its end and remembered their lines."""
    for root in roots:
        seen = chain.seen.get(root.seq)
        if seen is None:
            chain.note(f"root of {root.day}: line {root.seq} was there, and is gone")
        elif seen != root.hash:
            chain.note(f"root of {root.day}: line {root.seq} is another than was signed")


def gaps(stored: Sequence[Root], exported: Iterable[Root]) -> list[str]:
    """Roots that should be in the database and are not: each finished day has one.

    Args:
        stored: Those of the database, by day.
        exported: Those of files.
    """
    there = {root.day for root in stored}
    missing = {root.day for root in exported} - there
    for before, after in pairwise(stored):
        for number in range(1, (after.day - before.day).days):
            missing.add(before.day + timedelta(days=number))
    return [f"root of {day}: missing in the database" for day in sorted(missing)]


def due(begun: datetime | None, last: date | None, now: datetime) -> list[date]:
    """The finished days that have no root yet.

    Args:
        begun: When the first line was written; None without one.
        last: Newest day with a root; None without one.
        now: The present.
    """
    if begun is None:
        return []
    begin = begun.astimezone(VIETNAM).date() if last is None else last + timedelta(days=1)
    end = (now - SETTLE).astimezone(VIETNAM).date()
    many = min((end - begin).days, MOST_DAYS)
    return [begin + timedelta(days=number) for number in range(many)]


async def roots(connection: Connection, *, newest: int | None = None) -> list[Root]:
    """Roots by day: all, or only the newest."""
    async with connection.cursor(row_factory=class_row(Root)) as cursor:
        await cursor.execute(
            "SELECT * FROM (SELECT day, seq, hash, key, signature, signed FROM audit_root "
            "ORDER BY day DESC LIMIT %s) AS found ORDER BY day",
            (newest,),
        )
        return await cursor.fetchall()


async def root_of(connection: Connection, day: date) -> Root | None:
    """The root of a day."""
    async with connection.cursor(row_factory=class_row(Root)) as cursor:
        await cursor.execute(
            "SELECT day, seq, hash, key, signature, signed FROM audit_root WHERE day = %s", (day,)
        )
        return await cursor.fetchone()


async def days_due(connection: Connection, now: datetime) -> list[date]:
    """The finished days that have no root yet."""
    cursor = await connection.execute(
        "SELECT (SELECT greatest(least(at, '9999-12-30 00:00:00Z'), '0001-01-03 00:00:00Z') "
        "FROM audit ORDER BY seq LIMIT 1), (SELECT max(day) FROM audit_root)"
    )
    row = await cursor.fetchone()
    return [] if row is None else due(row[0], row[1], now)


async def sign_days(
    connection: Connection, key: DeviceKey, days: Sequence[date], now: datetime
) -> list[Root]:
    """Sign the last link of each of these days.

    Args:
        connection: Inside a transaction that has added a line itself: then no line of a finished
            day is still under way.
        key: The console's.
        days: In their order.
        now: When.

    Raises:
        RootError: The line that the newest root signed is gone: the chain was cut.
    """
    cursor = await connection.execute(
        "SELECT day FROM audit_root WHERE day = (SELECT max(day) FROM audit_root) "
        "AND (seq, hash) NOT IN (SELECT audit.seq, audit.hash FROM audit "
        "WHERE audit.seq = audit_root.seq)"
    )
    torn = await cursor.fetchone()
    if torn is not None:
        raise RootError(f"the line that the root of {torn[0]} signed is gone: ioc audit verify")
    made: list[Root] = []
    for day in days:
        cursor = await connection.execute(
            "SELECT seq, hash FROM audit WHERE seq = greatest("
            "(SELECT max(seq) FROM audit WHERE at < %s), (SELECT max(seq) FROM audit_root))",
            (span_of(day)[1],),
        )
        row = await cursor.fetchone()
        if row is None:
            continue  # nothing was written up to then
        root = sign(key, day=day, seq=row[0], hash=row[1], signed=now)
        await connection.execute(
            "INSERT INTO audit_root (day, seq, hash, key, signature, signed) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            (root.day, root.seq, root.hash, root.key, root.signature, root.signed),
        )
        made.append(root)
    return made
