"""The cuttable relay: bytes go through whole, a cut is seen as it should be, and it mends."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from simulator.devices.network import LOOPBACK, Cut, CuttableRelay


class Echo:
    """A server that sends back what it gets, until the client ends; then it ends too."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _serve(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(65_536):
                    client.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that would keep it open
        self._listener.close()


@pytest.fixture
def relay() -> Iterator[CuttableRelay]:
    echo = Echo()
    with CuttableRelay(echo.port) as relay:
        yield relay
    echo.close()


def connect(relay: CuttableRelay, timeout_s: float = 5) -> socket.socket:
    return socket.create_connection((LOOPBACK, relay.port), timeout=timeout_s)


def ask(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(len(text))


def test_megabytes_go_through_unchanged_and_the_end_is_passed_on(relay: CuttableRelay) -> None:
    block = bytes(range(256)) * 4096  # 1 MiB
    got = hashlib.sha256()
    with connect(relay) as connection:
        received = 0

        def read() -> None:
            nonlocal received
            while data := connection.recv(65_536):
                got.update(data)
                received += len(data)

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(8):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        reader.join(10)
    assert received == 8 * len(block)
    assert got.digest() == hashlib.sha256(block * 8).digest()
    counts = relay.counts()
    assert (counts.accepted, counts.to_target, counts.to_client) == (1, received, received)
    assert (counts.refused, counts.dropped) == (0, 0)


def test_a_slow_reader_does_not_fill_the_memory(relay: CuttableRelay) -> None:
    with connect(relay) as connection:
        connection.settimeout(0.3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 256 * 1_048_576:
                sent += connection.send(b"x" * 65_536)
    assert sent < 64 * 1_048_576


def test_a_cut_resets_connections_and_refuses_new_ones_until_mended(relay: CuttableRelay) -> None:
    with connect(relay) as connection:
        assert ask(connection, b"hello") == b"hello"
        relay.cut()
        assert relay.is_cut
        with pytest.raises(ConnectionError):
            connection.recv(1)
    with pytest.raises(ConnectionError), connect(relay) as refused:
        refused.sendall(b"x")
        if not refused.recv(1):
            raise ConnectionError
    relay.mend()
    with connect(relay) as connection:
        assert ask(connection, b"again") == b"again"
    counts = relay.counts()
    assert (counts.cuts, counts.dropped, counts.refused) == (1, 1, 1)


def test_a_black_hole_keeps_connections_open_and_silent(relay: CuttableRelay) -> None:
    with connect(relay) as old:
        assert ask(old, b"hello") == b"hello"
        relay.cut(Cut.BLACK_HOLE)
        old.settimeout(0.3)
        with pytest.raises(TimeoutError):
            ask(old, b"lost")
        with connect(relay, timeout_s=0.3) as new, pytest.raises(TimeoutError):
            ask(new, b"lost")
        relay.mend()
        old.settimeout(5)
        with pytest.raises(ConnectionError):
            old.recv(1)
    with connect(relay) as connection:
        assert ask(connection, b"again") == b"again"


def test_a_target_that_is_away_ends_the_connection_and_comes_back() -> None:
    echo = Echo()
    port = echo.port
    echo.close()
    with CuttableRelay(port) as relay:
        with pytest.raises(ConnectionError), connect(relay) as connection:
            connection.sendall(b"x")
            if not connection.recv(1):
                raise ConnectionError
        assert relay.counts().refused == 1


def test_cut_for_mends_by_itself(relay: CuttableRelay) -> None:
    began = time.monotonic()
    relay.cut_for(0.2)
    assert 0.2 <= time.monotonic() - began < 2
    assert not relay.is_cut


def test_a_stopped_relay_lets_go_of_its_port() -> None:
    relay = quiet_relay()
    port = relay.port
    relay.stop()
    with socket.socket() as probe:
        assert probe.connect_ex((LOOPBACK, port)) != 0
    relay.stop()
    with CuttableRelay(9, port=port) as again:
        assert again.port == port


def quiet_relay() -> CuttableRelay:
    """On a port that no other program is given by chance: those begin at 32768."""
    for port in random.sample(range(10_000, 32_000), 50):
        try:
            relay = CuttableRelay(9, port=port)
            relay.start()
        except OSError:
            continue
        return relay
    raise AssertionError("no port is free")
