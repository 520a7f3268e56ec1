"""The MQTT 5 client that every part connects with, made from the settings.

A session outlives its connection: the client id is fixed, ``clean_start`` is off and the session
has an expiry, so the broker keeps what comes for us while we are away.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from paho.mqtt import properties as paho_properties
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ioc.errors import ConfigError
from ioc.settings import MqttSettings

CONNECT_TIMEOUT_S: Final = 5.0
"""Longest wait for TCP and for TLS. A broker in the same province answers in tens of ms."""

RECONNECT_MAX_S: Final = 30
"""Longest wait of paho's own reconnect, for clients that run its loop."""


def _read_text(buffer: bytes, room: int) -> tuple[str, int]:
    """The text at the front of a packet's properties, and how many bytes it takes.

    Put in the place of paho's own (2.1.0), which drops the connection over the characters NUL and
    U+FEFF in a user property. MQTT allows U+FEFF (1.5.4-3) and Mosquitto carries it, so one such
    message would come again after every reconnect, first in the queue, and end the connection
    again: one device could stop all others for ever. The broker judges what it carries; here every
    text is read, and the validator judges the message.

    Raises:
        MalformedPacket: The text is longer than the packet.
    """
    length = int.from_bytes(buffer[:2], "big")
    if len(buffer) < 2 or length > room - 2:
        raise MalformedPacket("a text is longer than its packet")
    return bytes(buffer[2 : 2 + length]).decode("utf-8", "replace"), length + 2


paho_properties.readUTF = _read_text


def build_client(
    settings: MqttSettings,
    client_id: str,
    *,
    receive_maximum: int | None = None,
    manual_ack: bool = False,
    inflight: int = 20,
    client_type: type[Client] = Client,
) -> Client:
    """A client that is ready to connect: call ``loop_start()``, or ``reconnect()`` and run a loop.

    The address, the session and its properties are already set; callbacks and a last will are the
    caller's. Nothing is sent yet.

    Args:
        settings: Broker, credentials, certificates.
        client_id: Fixed name of the session; two clients with one id push each other out.
        receive_maximum: Messages the broker may send us before our PUBACK; left out, 65535.
        manual_ack: The caller acknowledges each message itself with ``client.ack``.
        inflight: Publishes of ours without PUBACK; paho keeps further ones back in memory. It
            cannot be changed once the client knows its address.
        client_type: A subclass to make instead.

    Raises:
        ConfigError: A certificate, key or password cannot be read, or one lacks its companion.
    """
    client = client_type(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=manual_ack,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(inflight)
    client.reconnect_delay_set(1, RECONNECT_MAX_S)
    _set_credentials(client, settings)
    context = tls_context(settings)
    if context is not None:
        client.tls_set_context(context)
    client.connect_async(
        settings.host,
        settings.port,
        keepalive=settings.keepalive_s,
        clean_start=False,
        properties=connect_properties(settings, receive_maximum=receive_maximum),
    )
    return client


def connect_properties(settings: MqttSettings, *, receive_maximum: int | None = None) -> Properties:
    """The properties of the CONNECT packet: how long the session lives, how much may be in flight.

    Args:
        settings: Session expiry, seconds.
        receive_maximum: 1 to 65535; without it a broker may send 65535 unacknowledged messages.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = settings.session_expiry_s
    if receive_maximum is not None:
        properties.ReceiveMaximum = receive_maximum
    return properties


def user_properties(properties: Properties | None) -> dict[str, str]:
    """The user properties of a received packet; of a name that comes twice, the last value."""
    pairs = getattr(properties, "UserProperty", None) or ()
    return {str(name): str(value) for name, value in pairs}


def tls_context(settings: MqttSettings) -> ssl.SSLContext | None:
    """What TLS trusts and shows: TLS 1.2 or later, host name checked; None without ``ca_file``.

    Raises:
        ConfigError: A file cannot be read, is no certificate, or lacks its companion.
    """
    if settings.ca_file is None:
        for key in ("cert_file", "key_file"):
            if getattr(settings, key) is not None:
                raise ConfigError(f"mqtt.{key}: set without mqtt.ca_file; TLS needs the CA too")
        return None
    if (settings.cert_file is None) != (settings.key_file is None):
        raise ConfigError("mqtt.cert_file and mqtt.key_file: set both or neither")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _check_readable("mqtt.ca_file", settings.ca_file)
    try:
        context.load_verify_locations(settings.ca_file)
    except ssl.SSLError as error:
        raise ConfigError(
            f"mqtt.ca_file: {settings.ca_file}: not a PEM certificate: {error}"
        ) from None
    if settings.cert_file is not None and settings.key_file is not None:
        _check_readable("mqtt.cert_file", settings.cert_file)
        _check_readable("mqtt.key_file", settings.key_file)
        try:
            # An encrypted key would make OpenSSL ask on the terminal; an empty password refuses.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        except ssl.SSLError as error:
            raise ConfigError(
                f"mqtt.cert_file: {settings.cert_file} and mqtt.key_file: {settings.key_file}: "
                f"not a PEM certificate with its unencrypted key: {error}"
            ) from None
    return context


def _set_credentials(client: Client, settings: MqttSettings) -> None:
    if settings.username is None:
        if settings.password_file is not None:
            raise ConfigError("mqtt.password_file: set without mqtt.username; name the user too")
        return
    if settings.password_file is not None:
        _check_readable("mqtt.password_file", settings.password_file)
    client.username_pw_set(settings.username, settings.password())


def _check_readable(key: str, path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise ConfigError(
            f"{key}: {path}: {error.strerror}; give a file that this service may read"
        ) from None
