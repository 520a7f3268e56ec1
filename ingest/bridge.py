"""The bridge: takes MQTT messages, gives them to Kafka, and acknowledges in order.

One thread does all of it, in rounds: read what the socket has, hand it to the Kafka client, run
the confirmations that have come, acknowledge the finished prefix. So no lock and no queue stands
between a message and its acknowledgement, and whatever kills the process leaves every message
that Kafka has not confirmed with the MQTT broker, which delivers it again.
"""

from __future__ import annotations

import random
import select
import threading
import time
from datetime import timedelta
from functools import partial
from typing import cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.acks import AckWindow
from ingest.counters import BridgeCounters
from ingest.kafka import RecordProducer
from ingest.validate import STAGE, Record, TimeWindow, Translator, translate, validate
from ingest.wire import BufferedClient, BufferedSocket
from ioc import deadletter
from ioc.clock import Clock, utc_now
from ioc.decode import ContractError, Reason
from ioc.errors import ConfigError
from ioc.mqtt import build_client
from ioc.settings import Settings
from ioc.telemetry import logger
from ioc.topics import DEADLETTER_TOPIC, SUBSCRIPTIONS

_BURST = 32
"""Messages read in a row before the confirmations get their turn, every 2 ms at full speed."""

_SAMPLE = 64
"""One message in so many has its latency measured."""

_WAIT_BUSY_S = 0.001
_WAIT_IDLE_S = 0.1
_MISC_S = 0.5
_DRAIN_S = 5.0
_CONNECT_S = 10.0
_RETRY_S = (0.5, 30.0)


class Bridge:
    """One bridge between an MQTT broker and a Kafka cluster.

    Args:
        settings: Broker, cluster and limits.
        adapters: Foreign payloads to translate, if any.
        clock: Gives the time of arrival.
    """

    def __init__(
        self, settings: Settings, adapters: Translator | None = None, *, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._adapters = adapters
        self._clock = clock
        self._now = clock()
        self._limits = TimeWindow(
            timedelta(days=settings.ingest.past_days),
            timedelta(minutes=settings.ingest.future_minutes),
        )
        self._window = AckWindow()
        self._log = logger("ingest.bridge")
        self._stop = threading.Event()
        self._producer = self._new_producer()
        self._client = self._new_client()
        self._lost = True
        self._stuck = False
        self._retry_s = _RETRY_S[0]
        self.counters = BridgeCounters(lambda: len(self._window))

    def run(self, stop: threading.Event) -> None:
        """Carry messages until ``stop`` is set, through every loss of a connection.

        At the end it waits up to five seconds for Kafka to confirm what is under way.
        """
        self._stop = stop
        while not stop.is_set():
            if self._connect():
                self._carry(stop)
            self.counters.connected = False
            if stop.is_set():
                break
            # With Kafka away, every connection would leave another window of records behind.
            overfull = self._producer.waiting > self._settings.ingest.receive_maximum
            given_up = self._producer.fatal is not None or self._window.blocked
            if self._stuck or overfull or given_up:
                self._replace_producer()
            self._window = AckWindow()
            pause = random.uniform(_RETRY_S[0] / 2, self._retry_s)
            self._log.info("waiting before the next connection", seconds=round(pause, 2))
            stop.wait(pause)
            self._retry_s = min(self._retry_s * 2, _RETRY_S[1])
        self._finish()

    # --- connection ---------------------------------------------------------------------------

    def _connect(self) -> bool:
        try:
            self._client = self._new_client()
        except ConfigError as error:  # a certificate or password is just being replaced
            self._log.error("cannot use the MQTT settings", error=str(error))
            return False
        try:
            self._client.reconnect()
        except (OSError, ValueError) as error:
            mqtt = self._settings.mqtt
            self._log.warning(
                "cannot reach the MQTT broker", host=mqtt.host, port=mqtt.port, error=str(error)
            )
            return False
        self._lost = False
        return True

    def _new_client(self) -> Client:
        ingest = self._settings.ingest
        client = build_client(
            self._settings.mqtt,
            ingest.client_id,
            receive_maximum=ingest.receive_maximum,
            manual_ack=True,
            client_type=BufferedClient,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        # With a writer registered, paho queues each PUBACK instead of writing it at once, so
        # that one call per round writes them all.
        client.on_socket_register_write = lambda *_: None
        return client

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._log.error("the MQTT broker refused us", reason=str(code))
            self._lost = True
            return
        self.counters.connected = True
        self.counters.connections += 1
        self._retry_s = _RETRY_S[0]
        self._log.info("connected to the MQTT broker", session_present=flags.session_present)
        # retainHandling 1: retained states come once with a new subscription, not again with
        # every reconnect to a session that is still there.
        options = SubscribeOptions(qos=1, retainHandling=1)
        client.subscribe([(name, options) for name in self.subscriptions])

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._lost = True
        self._log.warning("lost the MQTT broker", reason=str(code))

    @property
    def subscriptions(self) -> list[str]:
        """Topic filters of this bridge, shared with others when a group is set."""
        names = [*SUBSCRIPTIONS, *(self._adapters.subscriptions if self._adapters else ())]
        group = self._settings.ingest.share_group
        return [f"$share/{group}/{name}" if group else name for name in names]

    # --- the rounds ---------------------------------------------------------------------------

    def _carry(self, stop: threading.Event) -> None:
        client, window, producer = self._client, self._window, self._producer
        deadline = time.monotonic() + _CONNECT_S
        misc_at = 0.0
        while not (stop.is_set() or self._lost or window.blocked or producer.fatal):
            wire = cast(BufferedSocket | None, client.socket())
            if wire is None:
                return
            hidden = wire.pending()  # bytes that select does not see
            wait = 0.0 if hidden else _WAIT_BUSY_S if len(window) else _WAIT_IDLE_S
            readable, _, _ = select.select([wire], [wire] if wire.unsent else [], [], wait)
            if readable or hidden:
                self._now = self._clock()
                self._read_burst()
            producer.poll()
            self._acknowledge()
            now = time.monotonic()
            if now >= misc_at:
                misc_at = now + _MISC_S
                client.loop_misc()
                if producer.stuck():
                    self._stuck = True
                    return
                if not self.counters.connected and now > deadline:
                    self._log.error("the MQTT broker does not answer CONNECT")
                    return
            self._write(wire)

    def _write(self, wire: BufferedSocket) -> None:
        if self._client.want_write():
            self._client.loop_write()
        try:
            wire.flush()
        except OSError as error:
            self._lost = True
            self._log.warning("lost the MQTT broker", reason=str(error))

    def _read_burst(self) -> None:
        counters, client = self.counters, self._client
        for _ in range(_BURST):
            before = counters.received
            if client.loop_read() or counters.received == before:
                return

    def _acknowledge(self) -> None:
        ready = self._window.release()
        if not ready:
            return
        client, counters = self._client, self.counters
        for pending in ready:
            if pending.mid:  # a QoS 0 message has none and wants no PUBACK
                client.ack(pending.mid, 1)
            if pending.since:
                counters.observe_latency(time.monotonic() - pending.since)
        counters.acknowledged += len(ready)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        counters = self.counters
        counters.received += 1
        records = self._records(message)
        since = time.monotonic() if counters.received % _SAMPLE == 0 else 0.0
        pending = self._window.enter(message.mid, len(records), since)
        for record in records:
            if record.reason is None:
                counters.forwarded[record.topic] += 1
            else:
                counters.set_aside[record.reason] += 1
            self._producer.send(record, pending)

    def _records(self, message: MQTTMessage) -> list[Record]:
        """The records of a message; a fault of our own sets it aside instead of losing it."""
        topic = _topic_of(message)
        payload = bytes(message.payload)
        properties = partial(_user_properties, message)
        try:
            if self._adapters is not None and self._adapters.matches(topic) is not None:
                return translate(
                    self._adapters, topic, payload, self._now, self._limits, properties
                )
            return [validate(topic, payload, self._now, self._limits, properties)]
        except Exception as error:
            self._log.exception("the validator failed; the message is set aside", topic=topic)
            letter = deadletter.set_aside(
                payload,
                ContractError(Reason.INTERNAL, "$", f"{type(error).__name__}: {error}"),
                stage=STAGE,
                topic=topic,
                device="",
                received=self._now,
                properties=properties(),
            )
            return [Record(DEADLETTER_TOPIC, b"", deadletter.encode(letter), Reason.INTERNAL)]

    # --- faults and the end -------------------------------------------------------------------

    def _new_producer(self) -> RecordProducer:
        return RecordProducer(
            self._settings.kafka,
            self._settings.ingest.client_id,
            lambda text: self._log.warning(text),
            lambda: self._stop.is_set(),
        )

    def _replace_producer(self) -> None:
        """Start again from the broker's queue: what Kafka refused comes again by MQTT."""
        self.counters.resets += 1
        self._log.error(
            "Kafka does not take our records; beginning again from the MQTT queue",
            fatal=str(self._producer.fatal),
            stuck=self._stuck,
            mend="are the topics there (ioc kafka init) and the cluster healthy?",
        )
        self._drop_connection()
        self._producer.close()
        self._producer = self._new_producer()
        self._stuck = False

    def _drop_connection(self) -> None:
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _finish(self) -> None:
        left = self._producer.drain(_DRAIN_S)
        self._acknowledge()
        wire = cast(BufferedSocket | None, self._client.socket())
        if wire is not None:
            self._client.disconnect()
            self._write(wire)
        self._log.info("stopped", unconfirmed=left, acknowledged=self.counters.acknowledged)


def _topic_of(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return message._topic.decode("utf-8", "replace")


def _user_properties(message: MQTTMessage) -> dict[str, str]:
    """MQTT 5 user properties, bounded: the first 32, each cut to 200 characters."""
    pairs: list[tuple[str, str]] = getattr(message.properties, "UserProperty", None) or []
    return {name[:200]: value[:200] for name, value in pairs[:32]}
