"""Network cameras for tests that need no packages: HTTP in the test's own process."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from ioc.local_process import LOOPBACK

Serve = Callable[[socket.socket, threading.Event], None]


@contextmanager
def camera(serve: Serve, port: int = 0) -> Iterator[int]:
    """A listener that gives every connection to ``serve``, on a thread; its port.

    When it ends the connections are reset, as by a power cut.
    """
    listener = socket.create_server((LOOPBACK, port))
    listener.settimeout(0.05)
    gone = threading.Event()
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                serve(connection, gone)
            except OSError:
                return  # the other side has left

    def accept() -> None:
        while not gone.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        gone.set()
        acceptor.join()
        listener.close()
        for thread in threads:
            thread.join(5)


def jpeg(number: int, size: tuple[int, int] = (96, 64)) -> bytes:
    """A grey picture."""
    image = np.full((size[1], size[0], 3), number * 4 % 256, np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


def motion_jpeg(
    rate: float = 20,
    size: Callable[[int], tuple[int, int]] = lambda _number: (96, 64),
    silent_after: int | None = None,
    picture: Callable[[int, bytes], bytes] = lambda _number, data: data,
) -> Serve:
    """What many cameras give over HTTP.

    Args:
        rate: Pictures a second; FFmpeg takes it for 25 whatever it is.
        size: Of a picture by its number.
        silent_after: So many pictures and then nothing, without a word.
        picture: Spoils a picture.
    """

    def serve(connection: socket.socket, gone: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n"
        )
        number, began = 0, time.monotonic()
        while not gone.is_set():
            if silent_after is not None and number >= silent_after:
                gone.wait()
                return
            data = picture(number, jpeg(number, size(number)))
            head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            connection.sendall(head.encode() + data + b"\r\n")
            number += 1
            gone.wait(max(0.0, began + number / rate - time.monotonic()))

    return serve


def answering(text: bytes) -> Serve:
    """One answer to whatever is asked, and the end."""

    def serve(connection: socket.socket, _gone: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(text)

    return serve


def silent(_connection: socket.socket, gone: threading.Event) -> None:
    """Accepts and never speaks."""
    gone.wait()


def garbage(connection: socket.socket, gone: threading.Event) -> None:
    """Speaks without sense and without end."""
    while not gone.wait(0.01):
        connection.sendall(os.urandom(4096))
