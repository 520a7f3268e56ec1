"""Bodies that Grafana's API takes, as its documentation describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonschema

_TEXT: Final = {"type": "string"}
_UID: Final = {"type": "string", "minLength": 1, "maxLength": 40}


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "required": required, "properties": properties,
        "additionalProperties": False,
    }  # fmt: skip


_PERMISSION: Final = {
    **_schema(
        ["permission"],
        role={"enum": ["Viewer", "Editor"]},
        userId={"type": "integer"},
        teamId={"type": "integer"},
        permission={"enum": [1, 2, 4]},
    ),
    "minProperties": 2,
}

SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "folder": _schema(["title"], uid=_UID, title={**_TEXT, "minLength": 1}, parentUid=_TEXT),
    "folder update": _schema(
        ["title"], title=_TEXT, version={"type": "integer"}, overwrite={"type": "boolean"}
    ),
    "permissions": _schema(["items"], items={"type": "array", "items": _PERMISSION}),
    "datasource": _schema(
        ["name", "type", "access"],
        uid=_UID, name=_TEXT, type=_TEXT, access={"enum": ["proxy", "direct"]}, url=_TEXT,
        user=_TEXT, database=_TEXT, isDefault={"type": "boolean"}, version={"type": "integer"},
        jsonData={"type": "object"},
        secureJsonData={"type": "object", "additionalProperties": _TEXT},
    ),
    "dashboard": _schema(
        ["dashboard"],
        dashboard={
            "type": "object",
            "required": ["title", "uid", "schemaVersion", "panels"],
            "properties": {
                "id": {"type": ["integer", "null"]}, "uid": _UID,
                "title": {**_TEXT, "minLength": 1}, "version": {"type": "integer"},
                "panels": {
                    "type": "array",
                    "items": {"type": "object", "required": ["type", "gridPos", "targets"]},
                },
            },
        },
        folderUid=_TEXT, message=_TEXT, overwrite={"type": "boolean"},
    ),
    "playlist": _schema(
        ["kind", "apiVersion", "metadata", "spec"],
        kind={"const": "Playlist"},
        apiVersion={"pattern": r"^playlist\.grafana\.app/v1$|^playlist\.grafana\.app/v0alpha1$"},
        metadata=_schema(["name"], name=_UID, resourceVersion=_TEXT),
        spec=_schema(
            ["title", "interval", "items"],
            title=_TEXT, interval={"type": "string", "pattern": r"^\d+[smh]$"},
            items={
                "type": "array", "minItems": 1,
                "items": _schema(
                    ["type", "value"],
                    type={"enum": ["dashboard_by_uid", "dashboard_by_tag"]}, value=_TEXT,
                ),
            },
        ),
    ),
}  # fmt: skip


def fault(name: str, body: Any) -> str | None:
    """What is wrong with a body, or None."""
    try:
        jsonschema.validate(body, SCHEMAS[name])
    except jsonschema.ValidationError as error:
        return f"bad request data: {error.json_path}: {error.message[:200]}"
    return None
