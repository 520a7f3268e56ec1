"""The contract as documents: JSON Schema and AsyncAPI, made from the structs that decode events.

Nothing here is written twice: what the structs say comes from ``msgspec``; what only
``ioc.decode`` checks (version of the id, UTC, units) is added to the schemas, so that a device
maker who validates against them learns as much as the core would tell him.
"""

from __future__ import annotations

import json
from typing import Any, Final, get_args

import msgspec
import yaml

from ioc import __version__
from ioc.deadletter import DeadLetter
from ioc.events import (
    EVENT_CLASSES,
    MAX_EVENT_BYTES,
    UNITS,
    Envelope,
    Event,
    StatusEvent,
    VehicleClass,
    type_of,
)
from ioc.receipt import Receipt
from ioc.site import Site
from ioc.topics import ALERT_TOPIC, DEADLETTER_TOPIC, PREFIX, RECEIPT_TAIL, TAIL_OF, kafka_topic

Document = dict[str, Any]

ASYNCAPI_VERSION: Final = "3.0.0"
MQTT_BINDING: Final = "0.2.0"
KAFKA_BINDING: Final = "0.5.0"
RETAINED: Final = frozenset({"status", "state/signal"})
"""Tails whose last message the broker keeps, because it is a state and not an event."""

_UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


def event_schema() -> Document:
    """JSON Schema (2020-12) of one message of a device."""
    (root,), components = msgspec.json.schema_components((Event,), ref_template="#/$defs/{name}")
    _sharpen(components)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event",
        "description": f"One MQTT message of a device, at most {MAX_EVENT_BYTES} bytes of UTF-8.",
        "oneOf": root["anyOf"],
        "$defs": _sorted(components),
    }


def site_schema() -> Document:
    """JSON Schema (2020-12) of a site file."""
    schema = Site.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def asyncapi(alert: type[Any]) -> Document:
    """The AsyncAPI document of every MQTT and Kafka topic.

    Args:
        alert: The type of what goes to ``ioc.alert.v1``; the core's own, so it is handed in.
    """
    _, components = msgspec.json.schema_components(
        (*EVENT_CLASSES, Receipt, DeadLetter, alert),
        ref_template="#/components/schemas/{name}",
    )
    _sharpen(components)
    channels: Document = {}
    operations: Document = {}
    messages: Document = {}
    for event in EVENT_CLASSES:
        _describe_event(event, channels, operations, messages)
    _describe_receipt(channels, operations, messages)
    _describe_letter(channels, operations, messages)
    _describe_alert(alert.__name__, channels, operations, messages)
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "id": "urn:vn:ioc",
        "info": {
            "title": "Events of the operations centre of Vị Thanh and Ngã Bảy",
            "version": __version__,
            "description": (
                "Seen from the core. Devices publish CloudEvents 1.0 in structured JSON over "
                "MQTT 5 with QoS 1, and keep each one until a receipt names its sequence. "
                f"A message is at most {MAX_EVENT_BYTES} bytes."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _sorted(components)},
    }


def as_json(document: Document) -> str:
    """A document as JSON text, the same for the same document."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: Document) -> str:
    """A document as YAML text, the same for the same document."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes a part that stands in two places twice; not every tool reads YAML's anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _servers() -> Document:
    def server(protocol: str, port: str, description: str) -> Document:
        return {
            "host": "{host}:{port}",
            "protocol": protocol,
            "description": description,
            "variables": {
                "host": {"description": "Of the installation."},
                "port": {"default": port},
            },
        }

    return {
        "mqtt": server("mqtt5", "8883", "Broker of the devices; TLS, a certificate each."),
        "kafka": server("kafka", "9092", "Between ingest and streams; inside the core only."),
    }


def _describe_event(
    event: type[Envelope], channels: Document, operations: Document, messages: Document
) -> None:
    kind = type_of(event)
    tail = TAIL_OF[kind]
    name = event.__name__
    short = name.removesuffix("Event").lower()
    messages[name] = {
        "name": kind,
        "title": name,
        "summary": _summary(event),
        "headers": _headers(numbered=event is not StatusEvent),
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }
    channels[f"mqtt.{short}"] = _mqtt_channel(tail, name)
    operations[f"receive.{short}"] = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/mqtt.{short}"},
        "summary": f"A device publishes: {_summary(event)}",
        "bindings": _mqtt_binding(retain=tail in RETAINED),
    }
    channels[f"kafka.{short}"] = _kafka_channel(kafka_topic(kind), name)
    operations[f"forward.{short}"] = {
        "action": "send",
        "channel": {"$ref": f"#/channels/kafka.{short}"},
        "summary": "ingest forwards a valid message, byte for byte, keyed by its device.",
    }
    operations[f"store.{short}"] = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/kafka.{short}"},
        "summary": "streams stores it, then sends the receipt.",
        "bindings": {"kafka": {"bindingVersion": KAFKA_BINDING}},
    }


def _describe_receipt(channels: Document, operations: Document, messages: Document) -> None:
    messages["Receipt"] = {
        "name": "receipt",
        "title": "Receipt",
        "summary": _summary(Receipt),
        "payload": {"$ref": "#/components/schemas/Receipt"},
    }
    channels["mqtt.receipt"] = _mqtt_channel(RECEIPT_TAIL, "Receipt")
    operations["send.receipt"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/mqtt.receipt"},
        "summary": "After the database commit; the device forgets these events.",
        "bindings": _mqtt_binding(retain=False),
    }


def _describe_letter(channels: Document, operations: Document, messages: Document) -> None:
    messages["DeadLetter"] = {
        "name": "deadletter",
        "title": "DeadLetter",
        "summary": _summary(DeadLetter),
        "payload": {"$ref": "#/components/schemas/DeadLetter"},
    }
    channels["kafka.deadletter"] = _kafka_channel(DEADLETTER_TOPIC, "DeadLetter")
    operations["setaside.deadletter"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/kafka.deadletter"},
        "summary": "ingest and streams set a message aside with its bytes and the reason.",
    }
    operations["store.deadletter"] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/kafka.deadletter"},
        "summary": "streams stores it; `ioc deadletter` lists it.",
    }


def _describe_alert(
    name: str, channels: Document, operations: Document, messages: Document
) -> None:
    messages["Alert"] = {
        "name": "alert",
        "title": "Alert",
        "summary": "An alert was raised, or cleared.",
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }
    channels["kafka.alert"] = _kafka_channel(ALERT_TOPIC, "Alert")
    operations["send.alert"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/kafka.alert"},
        "summary": "streams tells of every change of an alert.",
    }


def _mqtt_channel(tail: str, message: str) -> Document:
    return {
        "address": f"{PREFIX}/{{city}}/{{site}}/{{device}}/{tail}",
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "servers": [{"$ref": "#/servers/mqtt"}],
        "parameters": {
            part: {"description": f"Id of the {part}: a-z, 0-9, '-' and '_', 1 to 63 characters."}
            for part in ("city", "site", "device")
        },
    }


def _kafka_channel(topic: str, message: str) -> Document:
    return {
        "address": topic,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "servers": [{"$ref": "#/servers/kafka"}],
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": ["delete"]},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _mqtt_binding(*, retain: bool) -> Document:
    return {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": MQTT_BINDING}}


def _headers(*, numbered: bool) -> Document:
    """MQTT user properties: they stay readable when the body does not."""
    properties: Document = {"bootid": {"type": "string", "format": "uuid"}}
    if numbered:
        properties["sequence"] = {"type": "string", "pattern": "^[0-9]{1,16}$"}
    return {
        "type": "object",
        "description": "MQTT user properties: the numbers of the body, for when it is unreadable.",
        "properties": properties,
    }


def _summary(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _sharpen(components: Document) -> None:
    """Add what ``ioc.decode`` checks beyond the types."""
    for event in EVENT_CLASSES:
        properties = components[event.__name__]["properties"]
        properties["id"] |= {"pattern": _UUID7, "description": "UUIDv7, minted with the event."}
        properties["time"] |= {
            "pattern": "[Zz]$|[+-]00:00$",
            "description": "Event time in UTC; never restamped.",
        }
    components["FlowData"]["properties"]["counts"]["propertyNames"] = {
        "enum": list(get_args(VehicleClass))
    }
    reading = components["ReadingData"]
    reading["allOf"] = [
        {
            "if": {"properties": {"quantity": {"const": quantity}}, "required": ["quantity"]},
            "then": {"properties": {"unit": {"const": unit}}},
        }
        for quantity, unit in UNITS.items()
    ]


def _sorted(components: Document) -> Document:
    return {name: components[name] for name in sorted(components)}
