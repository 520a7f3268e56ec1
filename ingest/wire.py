"""The bridge's end of the MQTT connection: many small reads and writes in few system calls.

paho reads a packet in four calls of ``recv`` (type, two bytes of length, rest) and writes each
PUBACK with a ``send`` of its own. At a thousand packets a round that is most of the kernel's work
for a message; here one call takes in what has come, and one sends what has gathered.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Any, Final, cast

from paho.mqtt.client import Client

_CHUNK: Final = 262_144
"""Bytes taken in at once: 600 events of 400 bytes; Linux gives a socket up to 6 MiB to fill."""


class BufferedSocket:
    """A non-blocking socket that reads ahead, and writes when it is told to.

    It is what paho calls socket-like: ``recv``, ``send``, ``close``, ``fileno``, ``setblocking``,
    and ``pending``, which tells paho of bytes that ``select`` does not see.

    Args:
        sock: A connected TCP or TLS socket, which belongs to this object from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        # Nagle would hold the second bundle of PUBACKs back until the broker's delayed ACK of the
        # first, 40 ms, while the broker waits for these very PUBACKs before it sends on.
        with suppress(OSError):  # not TCP
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""
        self._at = 0
        self._write = bytearray()

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Up to ``bufsize`` bytes.

        Raises:
            BlockingIOError: None have come.
            OSError: The connection is lost.
        """
        at, data = self._at, self._read
        if at >= len(data):
            try:
                data = self._sock.recv(_CHUNK)
            except ssl.SSLWantReadError as error:
                raise BlockingIOError from error
            at = 0
            self._read = data
        part = data[at : at + bufsize]
        self._at = at + len(part)
        return part

    def send(self, buffer: bytes | bytearray | memoryview, flags: int = 0) -> int:
        """Take bytes for the next ``flush``; always takes all of them."""
        self._write += buffer
        return len(buffer)

    def flush(self) -> None:
        """Send what has gathered, as far as the network takes it now.

        Raises:
            OSError: The connection is lost.
        """
        while self._write:
            try:
                sent = self._sock.send(self._write)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self._write[:sent]

    @property
    def unsent(self) -> bool:
        """Whether bytes wait for the network."""
        return bool(self._write)

    def pending(self) -> int:
        """Bytes that have been taken in and not given out; ``select`` knows nothing of them."""
        hidden = len(self._read) - self._at
        if not hidden and isinstance(self._sock, ssl.SSLSocket):
            hidden = self._sock.pending()
        return hidden

    def close(self) -> None:
        """Close the connection; what was not flushed is tried once more."""
        with suppress(OSError):
            self.flush()
        self._sock.close()

    def fileno(self) -> int:
        """The descriptor, for ``select``."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Pass it on."""
        self._sock.setblocking(flag)


class BufferedClient(Client):
    """A paho client on a ``BufferedSocket``; whoever runs its loop calls ``flush``."""

    def _create_socket(self) -> Any:
        # The one place where paho makes its socket; websockets replace it in the same way.
        return BufferedSocket(cast(socket.socket, super()._create_socket()))

    @property
    def wire(self) -> BufferedSocket | None:
        """The socket, while there is one."""
        return cast("BufferedSocket | None", self.socket())
