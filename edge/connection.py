"""One MQTT session, kept alive by the one thread that turns it.

paho's own network thread is not used: it reconnects by doubling without jitter, so all devices of
a junction come back in the same second, and it sends again, on its own account, what the spool
sends again too. Here one thread waits on the socket, and what happened comes back as values
instead of callbacks, so that nothing can raise inside paho.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.backoff import Random, reconnect_wait

CONNACK_WITHIN_S: Final = 10.0
PUBACK_WITHIN_S: Final = 30.0
"""A broker that answers pings but acknowledges nothing for so long gets a new connection, which
is the only way in which MQTT 5 lets a client send again (section 4.4)."""

RECEIVE_MAXIMUM: Final = 65_535
"""What MQTT 5 lets be in flight when nobody says less."""


class Opened(NamedTuple):
    """The broker has accepted us.

    Attributes:
        session: Whether it still had our session.
        receive_maximum: How many publishes it takes before its PUBACK.
        packet_maximum: Largest packet that it takes, bytes; None for no limit.
    """

    session: bool
    receive_maximum: int
    packet_maximum: int | None


class Refused(NamedTuple):
    """The broker cannot be reached, or does not let us in."""

    reason: str


class Closed(NamedTuple):
    """The connection is gone; whatever was not acknowledged has to be sent again."""

    reason: str


class Acknowledged(NamedTuple):
    """The broker answered a publish; ``failure`` says why it did not take it."""

    mid: int
    failure: str | None


class Subscribed(NamedTuple):
    """The broker answered the subscription; ``failure`` says why it refused."""

    failure: str | None


class Received(NamedTuple):
    """A message came."""

    topic: str
    payload: bytes


Happening = Opened | Refused | Closed | Acknowledged | Subscribed | Received


class Connection:
    """Runs a paho client without a thread of its own. Only ``wake`` is for other threads.

    Attributes:
        connected: Whether the broker has accepted the present connection.
        unanswered: Message ids of our publishes without PUBACK, and when they were sent.
    """

    def __init__(
        self,
        client: Client,
        shortest_s: float,
        longest_s: float,
        *,
        before_connect: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Random = random.random,
    ) -> None:
        """Take over a client; nothing is sent before the first ``turn``.

        Args:
            client: From ``ioc.mqtt.build_client``, with ``inflight=RECEIVE_MAXIMUM``: the sender
                keeps the window itself, and paho shall hold nothing back.
            shortest_s: Shortest wait to reconnect, seconds.
            longest_s: Longest.
            before_connect: Called before each attempt: sets the will.
            monotonic: Time for waits.
            jitter: Spreads the waits.
        """
        self.connected = False
        self.unanswered: dict[int, float] = {}
        self._client = client
        self._shortest_s = shortest_s
        self._longest_s = longest_s
        self._before_connect = before_connect
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures = 0
        self._next_try = 0.0
        self._since = 0.0
        self._closing = False
        self._happenings: list[Happening] = []
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message

    def turn(self, timeout_s: float) -> list[Happening]:
        """Connect if it is time, read and write, and wait for that at most ``timeout_s``.

        An attempt to connect may take ``ioc.mqtt.CONNECT_TIMEOUT_S`` twice: TCP and TLS.

        Returns:
            What happened, in order.
        """
        now = self._monotonic()
        if self._client.socket() is None:
            if self._closing or now < self._next_try:
                pause = timeout_s if self._closing else min(timeout_s, self._next_try - now)
                self._wait(pause, None)
            else:
                self._connect()
        else:
            self._serve(timeout_s)
            self._check_answers()
        happenings, self._happenings = self._happenings, []
        return happenings

    def publish(self, topic: str, payload: bytes, *, retain: bool, **properties: str) -> int | None:
        """Send with QoS 1.

        Args:
            topic: Where to.
            payload: What.
            retain: Whether the broker keeps it for later subscribers.
            properties: MQTT user properties.

        Returns:
            The message id that ``Acknowledged`` will carry, or None when it could not be sent.
        """
        if not self.connected:
            return None
        packet = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if properties:
            packet.UserProperty = list(properties.items())
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=packet)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS or not self.connected:
            return None
        self.unanswered[info.mid] = self._monotonic()
        return info.mid

    def subscribe(self, topic: str) -> None:
        """Ask for messages with QoS 1; ``Subscribed`` tells the answer."""
        self._client.subscribe(topic, qos=1)

    def congested(self) -> bool:
        """Whether packets still wait to be written: the link is slower than we are."""
        return self._client.want_write()

    def disconnect(self) -> None:
        """Leave in good order, so that the broker keeps the will to itself; do not come back."""
        self._closing = True
        if self._client.socket() is not None:
            self._client.disconnect()

    def close(self) -> None:
        """Free the sockets. The connection cannot be used again."""
        self._closing = True
        self._break()
        self._wake_in.close()
        self._wake_out.close()

    def wake(self) -> None:
        """Make a waiting ``turn`` return. Any thread may call it, at any time."""
        with contextlib.suppress(OSError):  # full: it will wake anyway; closed: nobody waits
            self._wake_in.send(b"\0")

    def _connect(self) -> None:
        # What paho holds unacknowledged it would send again itself, without `replayed`.
        self._client.drop_out_messages()
        self.unanswered.clear()
        self._since = self._monotonic()
        try:
            self._before_connect()
            self._client.reconnect()
        except (OSError, ValueError) as error:
            self._happenings.append(Refused(str(error) or type(error).__name__))
            self._break()
            self._lost()

    def _serve(self, timeout_s: float) -> None:
        sock: Any = self._client.socket()
        pending = getattr(sock, "pending", None)
        ready = self._wait(0 if pending is not None and pending() else timeout_s, sock)
        if self._client.socket() is not None and (
            ready & selectors.EVENT_READ or (pending is not None and pending())
        ):
            self._client.loop_read()
        if self._client.socket() is not None and (
            ready & selectors.EVENT_WRITE or self._client.want_write()
        ):
            self._client.loop_write()
        if self._client.socket() is not None:
            self._client.loop_misc()

    def _wait(self, timeout_s: float, sock: Any) -> int:
        """Wait for the socket or ``wake``; returns what the socket is ready for."""
        ready = 0
        with selectors.PollSelector() as selector:
            selector.register(self._wake_out, selectors.EVENT_READ)
            if sock is not None:
                wanted = selectors.EVENT_READ
                if self._client.want_write():
                    wanted |= selectors.EVENT_WRITE
                selector.register(sock, wanted)
            for key, events in selector.select(max(0.0, timeout_s)):
                if key.fileobj is self._wake_out:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_out.recv(4096)
                else:
                    ready = events
        return ready

    def _check_answers(self) -> None:
        now = self._monotonic()
        if self._client.socket() is None:
            return
        if not self.connected:
            if now - self._since > CONNACK_WITHIN_S:
                self._happenings.append(Refused(f"no CONNACK within {CONNACK_WITHIN_S:g} s"))
                self._break()
        elif self.unanswered and now - next(iter(self.unanswered.values())) > PUBACK_WITHIN_S:
            self._happenings.append(Closed(f"no PUBACK within {PUBACK_WITHIN_S:g} s"))
            self.connected = False
            self._break()

    def _break(self) -> None:
        """Cut the connection without a word, so that paho notices at its next read."""
        sock: Any = self._client.socket()
        if sock is None:
            return
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        self._client.loop_read()

    def _lost(self) -> None:
        # Only a connection that held for a while wins back the short wait: a broker that lets us
        # in and throws us out again (two devices with one id) must not be hammered.
        held = self.connected and self._monotonic() - self._since > self._longest_s
        wait = reconnect_wait(
            0 if held else self._failures, self._shortest_s, self._longest_s, self._jitter
        )
        self._failures = 1 if held else self._failures + 1
        self._next_try = self._monotonic() + wait
        self.connected = False

    def _on_connect(self, _client: Any, _data: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            self._happenings.append(Refused(str(code)))
            return
        self.connected = True
        self._happenings.append(
            Opened(
                flags.session_present,
                getattr(properties, "ReceiveMaximum", RECEIVE_MAXIMUM),
                getattr(properties, "MaximumPacketSize", None),
            )
        )

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        self._happenings.append(Closed(str(code)) if self.connected else Refused(str(code)))
        self._lost()

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: Any, _p: Any) -> None:
        self.unanswered.pop(mid, None)
        self._happenings.append(Acknowledged(mid, str(code) if code.is_failure else None))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _p: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        self._happenings.append(Subscribed(refused[0] if refused else None))

    def _on_message(self, _client: Any, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._happenings.append(Received(topic, bytes(message.payload)))
