"""A bad network: a TCP relay that can be cut and mended while programs use it.

The relay stands between a client and a server on one machine. It has a thread of its own, so it
works beside asyncio, threads and other processes alike.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 65_536
_BUFFER: Final = 1_048_576
"""Bytes on the way in one direction before the relay stops reading from that side."""


class Cut(Enum):
    """How a cut network looks from both ends."""

    REFUSE = "refuse"
    """As a stopped server: connections are reset, new ones are refused or reset at once."""
    BLACK_HOLE = "black hole"
    """As a pulled cable: connections stay open and nothing arrives; new ones get no answer."""


@dataclass(frozen=True)
class RelayCounts:
    """What went through so far.

    Attributes:
        accepted: Connections that clients opened.
        refused: Connections that met a cut, or a target that did not answer.
        dropped: Connections that a cut ended.
        cuts: Calls of ``cut``.
        to_target: Bytes from clients to the target.
        to_client: Bytes from the target to clients.
    """

    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    cuts: int = 0
    to_target: int = 0
    to_client: int = 0


@dataclass(eq=False)
class _Side:
    """One socket of a connection, and the bytes that wait to be written to it."""

    sock: socket.socket
    is_client: bool
    peer: _Side | None = None
    waiting: deque[memoryview] = field(default_factory=deque)
    size: int = 0
    read_closed: bool = False
    write_closed: bool = False
    connecting: bool = False


class CuttableRelay:
    """A TCP relay on loopback in front of one server.

    Args:
        target_port: The server's port.
        target_host: The server's address.
        port: To listen on; 0 for a free one, see ``port``.
    """

    def __init__(self, target_port: int, target_host: str = LOOPBACK, port: int = 0) -> None:
        self._target = (target_host, target_port)
        self._wanted_port = port
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._sides: set[_Side] = set()
        self._held: list[socket.socket] = []
        self._wish: Cut | None = None
        self._state: Cut | None = None
        self._settled = threading.Condition(self._lock)
        self._stopping = False
        self._counts = dict.fromkeys(RelayCounts.__dataclass_fields__, 0)
        self.port = port

    def start(self) -> Self:
        """Listen; ``port`` is known on return.

        Raises:
            OSError: The wanted port is taken.
        """
        if self._thread is not None:
            return self
        self._listener = socket.create_server((LOOPBACK, self._wanted_port), backlog=128)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Drop every connection and stop listening; the relay cannot be started again."""
        if self._thread is None or not self._thread.is_alive():
            return
        self._stopping = True
        self._wake()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def cut(self, mode: Cut = Cut.REFUSE) -> None:
        """Cut the network; it is cut on return."""
        with self._lock:
            self._counts["cuts"] += 1
        self._set(mode)

    def mend(self) -> None:
        """Let new connections through again; those that met the black hole are reset."""
        self._set(None)

    def cut_for(self, seconds: float, mode: Cut = Cut.REFUSE) -> None:
        """Cut, wait, mend."""
        self.cut(mode)
        time.sleep(seconds)
        self.mend()

    @property
    def is_cut(self) -> bool:
        """Whether the network is cut."""
        with self._lock:
            return self._state is not None

    def counts(self) -> RelayCounts:
        """What went through so far."""
        with self._lock:
            return RelayCounts(**self._counts)

    def _set(self, state: Cut | None) -> None:
        with self._settled:
            self._wish = state
            if self._thread is None:
                self._state = state
                return
            self._wake()
            self._settled.wait_for(lambda: self._state == state or not self._is_alive(), timeout=10)

    def _is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _wake(self) -> None:
        with suppress(OSError):  # stopped meanwhile
            self._wake_write.send(b"x")

    def _count(self, name: str, by: int = 1) -> None:
        with self._lock:
            self._counts[name] += by

    # What follows runs in the relay's thread.

    def _run(self) -> None:
        try:
            while not self._stopping:
                for key, events in self._selector.select(timeout=1.0):
                    if key.fileobj is self._wake_read:
                        self._wake_read.recv(4096)
                    elif key.fileobj is self._listener:
                        self._accept()
                    elif key.data in self._sides:  # not closed by an earlier event of this round
                        self._serve(key.data, events)
                self._follow_wish()
        finally:
            self._drop_all()
            if self._listener is not None:
                self._listener.close()
            self._selector.close()
            self._wake_read.close()
            self._wake_write.close()

    def _follow_wish(self) -> None:
        with self._lock:
            wish, state = self._wish, self._state
        if wish == state:
            return
        if wish is Cut.REFUSE or wish is None:
            # None: what was in the black hole has lost bytes and cannot go on.
            dropped = self._drop_all()
            self._count("dropped", dropped)
        else:
            for side in self._sides:
                self._unwatch(side)
        with self._settled:
            self._state = wish
            self._settled.notify_all()

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        if self._state is Cut.REFUSE:
            self._count("refused")
            _reset(client)
            return
        if self._state is Cut.BLACK_HOLE:
            self._count("refused")
            self._held.append(client)
            if len(self._held) > 1024:
                _reset(self._held.pop(0))
            return
        self._count("accepted")
        target = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for sock in (client, target):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        near, far = _Side(client, is_client=True), _Side(target, is_client=False, connecting=True)
        near.peer, far.peer = far, near
        target.connect_ex(self._target)
        self._sides |= {near, far}
        self._watch(near)
        self._watch(far)

    def _serve(self, side: _Side, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._write(side)
            if events & selectors.EVENT_READ and side in self._sides:
                self._read(side)
        except BlockingIOError:
            return
        except OSError:
            if side.connecting:
                self._count("refused")
            self._drop(side)
            return
        if side in self._sides:
            self._watch(side)
            if side.peer is not None:
                self._watch(side.peer)

    def _read(self, side: _Side) -> None:
        peer = side.peer
        assert peer is not None
        data = side.sock.recv(_CHUNK)
        if not data:
            side.read_closed = True
            self._finish(peer)
            return
        peer.waiting.append(memoryview(data))
        peer.size += len(data)
        self._count("to_target" if side.is_client else "to_client", len(data))
        if not peer.connecting:
            self._write(peer)

    def _write(self, side: _Side) -> None:
        if side.connecting:
            fault = side.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if fault:
                raise OSError(fault, "connect")
            side.connecting = False
        while side.waiting:
            try:
                sent = side.sock.send(side.waiting[0])
            except BlockingIOError:
                return
            side.size -= sent
            if sent < len(side.waiting[0]):
                side.waiting[0] = side.waiting[0][sent:]
                return
            side.waiting.popleft()
        self._finish(side)

    def _finish(self, side: _Side) -> None:
        """Pass on an end of stream when everything before it is out; close when both are."""
        peer = side.peer
        assert peer is not None
        if peer.read_closed and not side.waiting and not side.write_closed and not side.connecting:
            side.write_closed = True
            side.sock.shutdown(socket.SHUT_WR)
        if side.write_closed and peer.write_closed:
            self._drop(side, clean=True)

    def _watch(self, side: _Side) -> None:
        peer = side.peer
        assert peer is not None
        events = 0
        if not side.read_closed and not side.connecting and peer.size < _BUFFER:
            events |= selectors.EVENT_READ
        if side.connecting or side.waiting:
            events |= selectors.EVENT_WRITE
        watched = side.sock in self._selector.get_map()
        if not events:
            self._unwatch(side)
        elif watched:
            self._selector.modify(side.sock, events, side)
        else:
            self._selector.register(side.sock, events, side)

    def _unwatch(self, side: _Side) -> None:
        if side.sock in self._selector.get_map():
            self._selector.unregister(side.sock)

    def _drop(self, side: _Side, *, clean: bool = False) -> None:
        for each in (side, side.peer):
            if each is None or each not in self._sides:
                continue
            self._unwatch(each)
            self._sides.discard(each)
            if clean:
                each.sock.close()
            else:
                _reset(each.sock)

    def _drop_all(self) -> int:
        clients = [side for side in self._sides if side.is_client]
        for side in clients:
            self._drop(side)
        for sock in self._held:
            _reset(sock)
        self._held.clear()
        return len(clients)


def _reset(sock: socket.socket) -> None:
    """Close with RST, as a crashed machine does, not with an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()
