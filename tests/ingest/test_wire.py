"""The bridge's socket: what goes in comes out, however it is cut into pieces."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.wire import BufferedSocket


def pair() -> tuple[BufferedSocket, socket.socket]:
    ours, peer = socket.socketpair()
    wire = BufferedSocket(ours)
    wire.setblocking(False)
    return wire, peer


@pytest.fixture
def ends() -> Iterator[tuple[BufferedSocket, socket.socket]]:
    wire, peer = pair()
    yield wire, peer
    wire.close()
    peer.close()


@given(data=st.binary(min_size=1, max_size=5000), sizes=st.lists(st.integers(1, 700), min_size=1))
def test_reading_in_pieces_of_any_size_gives_the_same_bytes(data: bytes, sizes: list[int]) -> None:
    wire, peer = pair()
    try:
        peer.sendall(data)
        got = b""
        turn = 0
        while len(got) < len(data):
            piece = wire.recv(sizes[turn % len(sizes)])
            assert 0 < len(piece) <= sizes[turn % len(sizes)]
            got += piece
            turn += 1
        assert got == data
        with pytest.raises(BlockingIOError):
            wire.recv(1)
    finally:
        wire.close()
        peer.close()


def test_bytes_that_select_does_not_see_are_told(
    ends: tuple[BufferedSocket, socket.socket],
) -> None:
    wire, peer = ends
    peer.sendall(b"abcdef")
    assert wire.recv(2) == b"ab"
    assert select.select([wire], [], [], 0)[0] == []
    assert wire.pending() == 4
    assert wire.recv(100) == b"cdef"
    assert wire.pending() == 0


def test_a_closed_peer_reads_as_the_end(ends: tuple[BufferedSocket, socket.socket]) -> None:
    wire, peer = ends
    peer.sendall(b"last")
    peer.close()
    assert wire.recv(10) == b"last"
    assert wire.recv(10) == b""


def test_nothing_is_sent_before_the_flush_and_all_of_it_after(
    ends: tuple[BufferedSocket, socket.socket],
) -> None:
    wire, peer = ends
    assert wire.send(b"one") == 3
    assert wire.send(b"two") == 3
    assert select.select([peer], [], [], 0)[0] == []
    wire.flush()
    assert peer.recv(100) == b"onetwo"
    assert not wire.unsent


def test_what_the_network_does_not_take_waits(ends: tuple[BufferedSocket, socket.socket]) -> None:
    wire, peer = ends
    data = bytes(range(256)) * 20_000  # 5 MB, more than a socket holds
    wire.send(data)
    wire.flush()
    assert wire.unsent
    got = bytearray()
    while len(got) < len(data):
        got += peer.recv(1 << 20)
        wire.flush()
    assert bytes(got) == data
    assert not wire.unsent


def test_a_lost_connection_is_an_error_of_the_flush(
    ends: tuple[BufferedSocket, socket.socket],
) -> None:
    wire, peer = ends
    peer.close()
    wire.send(b"x")
    with pytest.raises(OSError, match=r"pipe|reset"):
        wire.flush()
