"""What an alert rule is made of, and the file that Grafana provisions it from.

A rule's query has columns of text, which become labels (one alert for each row), and one number,
``value``. It holds no variable of a screen: nobody has chosen a city when an alert is judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Literal

from grafana_foundation_sdk.builders import expr
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import query
from dashboards.query import QueryError
from dashboards.screen import Word
from dashboards.screens import SCREENS
from dashboards.targets import DATASOURCE_TYPE

Group = Literal["liveness", "pipeline", "machines", "custody"]

EVERY: Final[dict[Group, str]] = {
    "liveness": "30s",
    "pipeline": "30s",
    "machines": "1m",
    "custody": "5m",
}
"""How often the rules of a group are judged."""

_EXPRESSION: Final = "__expr__"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """When somebody must be called, and what that person does.

    Attributes:
        uid: Its name, for ever: silences and history hang on it.
        title: In few words.
        query: Name of its file in ``dashboards/queries``.
        fires: ``gt`` or ``lt``: whether ``value`` is wrong above or below the threshold.
        threshold: See there; the value itself is right.
        for_s: So long it must be wrong before anybody is called, seconds.
        severity: ``critical`` calls people at any hour; ``warning`` can wait for the morning.
        group: Which are judged together.
        no_data: What a result without rows means. ``Alerting`` for rules that say that something is
            alive: silence is what they look for. ``OK`` for the others.
        why: Why ``no_data`` is what it is.
        says: What has happened; ``{label}`` and ``{value}`` are filled in.
        mend: What to do about it.
        tile: Screen and tile to look at, by ``uid`` and ``id``.
    """

    uid: str
    title: Word
    query: str
    fires: Literal["gt", "lt"]
    threshold: float
    for_s: int
    severity: Literal["critical", "warning"]
    group: Group
    no_data: Literal["Alerting", "OK"]
    why: str
    says: Word
    mend: Word
    tile: tuple[str, str]

    def wrong(self, value: float) -> bool:
        """Whether a value fires, as Grafana judges it."""
        return value > self.threshold if self.fires == "gt" else value < self.threshold


def provisioned(
    rules: Sequence[AlertRule], *, folder: str, datasource: str, org: int = 1
) -> dict[str, Any]:
    """``rules.yaml`` of Grafana's alerting.

    Args:
        rules: All of them; those of a group stand together.
        folder: Title of the folder they appear in.
        datasource: uid of the data source they ask.
        org: Number of the organisation.

    Raises:
        QueryError: A query is missing, or holds a variable of a screen.
    """
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": org,
                "name": f"ioc-{group}",
                "folder": folder,
                "interval": EVERY[group],
                "rules": [_rule(rule, datasource) for rule in together],
            }
            for group, together in groupby(rules, lambda rule: rule.group)
        ],
    }


def statement(rule: AlertRule) -> str:
    """The SQL of a rule.

    Raises:
        QueryError: It is missing, or holds a variable of a screen.
    """
    found = query.text(rule.query)
    if "${" in found:
        raise QueryError(
            f"dashboards/queries/{rule.query}.sql: an alert knows no ${{city}} and no ${{site}}"
        )
    return found


def _rule(rule: AlertRule, datasource: str) -> dict[str, Any]:
    screen, panel = _panel(rule)
    return {
        "uid": rule.uid,
        "title": rule.title.vi,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": 3600, "to": 0},
                "datasourceUid": datasource,
                "model": {
                    "datasource": {"type": DATASOURCE_TYPE, "uid": datasource},
                    "editorMode": "code",
                    "format": "table",
                    "rawQuery": True,
                    "rawSql": statement(rule),
                    "refId": "A",
                },
            },
            {
                "refId": "B",
                "relativeTimeRange": {"from": 0, "to": 0},
                "datasourceUid": _EXPRESSION,
                "model": _threshold(rule),
            },
        ],
        "dashboardUid": screen,
        "panelId": panel,
        "noDataState": rule.no_data,
        # A question that cannot be asked is no answer: whoever watches is told, as of silence.
        "execErrState": "Alerting" if rule.no_data == "Alerting" else "Error",
        "for": f"{rule.for_s}s",
        "annotations": {
            "summary": f"{_filled(rule.says.vi)} / {_filled(rule.says.en)}",
            "runbook": f"{rule.mend.vi} / {rule.mend.en}",
            "no_data": rule.why,
        },
        "labels": {"system": "ioc", "severity": rule.severity, "alert": rule.uid},
        "isPaused": False,
    }


def _threshold(rule: AlertRule) -> dict[str, Any]:
    made = (
        expr.TypeThreshold()
        .ref_id("B")
        .expression("A")
        .conditions(
            [
                expr.ExprTypeThresholdConditions().evaluator(
                    expr.ExprTypeThresholdConditionsEvaluator()
                    .type(rule.fires)
                    .params([rule.threshold])
                )
            ]
        )
        .build()
    )
    model: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder))
    return {**model, "datasource": {"type": _EXPRESSION, "uid": _EXPRESSION}}


def _filled(text: str) -> str:
    """Placeholders as Grafana's templates.

    Without ``$``, which the provisioning would take for a variable of its environment; and guarded,
    because an alert about missing data has neither labels nor a value.
    """

    def template(found: re.Match[str]) -> str:
        if found[1] == "value":
            return '{{ with .Values.A }}{{ printf "%.4g" .Value }}{{ else }}?{{ end }}'
        return f"{{{{ with .Labels.{found[1]} }}}}{{{{ . }}}}{{{{ else }}}}?{{{{ end }}}}"

    return _PLACEHOLDER.sub(template, text)


def _panel(rule: AlertRule) -> tuple[str, int]:
    uid, tile = rule.tile
    for screen in SCREENS:
        if screen.uid == uid:
            for number, one in enumerate(screen.tiles, 1):
                if one.id == tile:
                    return uid, number
    raise ValueError(f"{rule.uid}: there is no tile {tile!r} on a screen {uid!r}")
