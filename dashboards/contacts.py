"""Whom alerts reach, and when: Grafana's contact points, policies and mute timings.

No secret stands in these files: Grafana reads them itself, from ``$__file{…}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ioc.grafana_settings import ContactSettings, Severity

DEFAULT: Final = "truc-ban"
"""Name of the contact while none is configured: e-mail to ``ALERT_EMAIL`` of Grafana's environment,
which must be set, as Grafana does not start with an empty address."""

NIGHT: Final = "ioc-ban-dem"

_GROUP_WAIT: Final[dict[Severity, str]] = {"critical": "10s", "warning": "1m"}
_REPEAT: Final[dict[Severity, str]] = {"critical": "1h", "warning": "12h"}
_MESSAGE: Final = (
    '{{ range .Alerts }}{{ if eq .Status "firing" }}■{{ else }}● đã hết:{{ end }} '
    "{{ .Annotations.summary }}\n{{ .Annotations.runbook }}\n\n{{ end }}"
)


def contact_points(contacts: Sequence[ContactSettings], org: int = 1) -> dict[str, Any]:
    """``contact-points.yaml``."""
    receivers: list[tuple[str, dict[str, Any]]] = [
        (one.name, {"type": one.kind, "settings": _settings(one)}) for one in contacts
    ] or [(DEFAULT, {"type": "email", "settings": _email("$__env{ALERT_EMAIL}")})]
    return {
        "apiVersion": 1,
        "contactPoints": [
            {
                "orgId": org,
                "name": name,
                "receivers": [{"uid": f"ioc-{name}", **receiver, "disableResolveMessage": False}],
            }
            for name, receiver in receivers
        ],
    }


def policies(contacts: Sequence[ContactSettings], org: int = 1) -> dict[str, Any]:
    """``policies.yaml``: each contact hears of its severities; warnings wait for the morning."""
    wanted: list[tuple[str, Sequence[Severity]]] = [
        (one.name, one.severities) for one in contacts
    ] or [(DEFAULT, ("critical", "warning"))]
    return {
        "apiVersion": 1,
        "policies": [
            {
                "orgId": org,
                "receiver": wanted[0][0],
                "group_by": ["grafana_folder", "alertname", "city", "site"],
                "group_wait": "30s",
                "group_interval": "5m",
                "repeat_interval": "4h",
                "routes": [_route(name, severity) for name, heard in wanted for severity in heard],
            }
        ],
    }


def mute_timings(org: int = 1) -> dict[str, Any]:
    """``mute-timings.yaml``: the night, in Vietnam."""
    return {
        "apiVersion": 1,
        "muteTimes": [
            {
                "orgId": org,
                "name": NIGHT,
                "time_intervals": [
                    {
                        "times": [
                            {"start_time": "22:00", "end_time": "24:00"},
                            {"start_time": "00:00", "end_time": "06:00"},
                        ],
                        "location": "Asia/Ho_Chi_Minh",
                    }
                ],
            }
        ],
    }


def _route(name: str, severity: Severity) -> dict[str, Any]:
    route: dict[str, Any] = {
        "receiver": name,
        "object_matchers": [["system", "=", "ioc"], ["severity", "=", severity]],
        "continue": True,
        "group_wait": _GROUP_WAIT[severity],
        "repeat_interval": _REPEAT[severity],
    }
    if severity == "warning":
        route["mute_time_intervals"] = [NIGHT]
    return route


def _settings(contact: ContactSettings) -> dict[str, Any]:
    if contact.kind == "email":
        return _email(";".join(contact.addresses))
    secret = f"$__file{{{contact.secret_path}}}"
    if contact.kind == "telegram":
        return {
            "bottoken": secret,
            "chatid": contact.chat_id,
            "disable_web_page_preview": True,
            "message": _MESSAGE,
        }
    settings: dict[str, Any] = {"url": _plain(contact.url or ""), "httpMethod": "POST"}
    if contact.secret_path is not None:
        settings |= {"authorization_scheme": "Bearer", "authorization_credentials": secret}
    return settings


def _email(addresses: str) -> dict[str, Any]:
    return {"addresses": addresses, "singleEmail": True, "message": _MESSAGE}


def _plain(text: str) -> str:
    """A ``$`` of ours, which Grafana would take for a variable."""
    return text.replace("$", "$$")
