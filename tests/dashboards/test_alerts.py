"""The file of alert rules as Grafana's provisioning reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from dashboards import query
from dashboards.alert_rules import RULES
from dashboards.alerts import AlertRule, provisioned
from dashboards.query import QueryError
from dashboards.screens import SCREENS

LIVENESS = {"ioc-camera-silent", "ioc-edge-offline", "ioc-ingest-silent", "ioc-part-down"}


@pytest.fixture(scope="module")
def rules() -> dict[str, dict[str, Any]]:
    document = provisioned(RULES, folder="IOC", datasource="ioc")
    return {rule["uid"]: rule for group in document["groups"] for rule in group["rules"]}


def test_every_rule_is_there_once_in_a_group_of_its_own(rules: dict[str, Any]) -> None:
    document = provisioned(RULES, folder="IOC", datasource="ioc")
    names = [group["name"] for group in document["groups"]]
    assert len(names) == len(set(names)) == 4
    assert set(rules) == {rule.uid for rule in RULES}
    assert len(rules) == len(RULES) == 19
    assert all(re.fullmatch(r"\d+[sm]", group["interval"]) for group in document["groups"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.uid)
def test_a_rule(rule: AlertRule, rules: dict[str, Any]) -> None:
    made = rules[rule.uid]
    assert len(made["uid"]) <= 40
    asked, judged = made["data"]
    assert asked["datasourceUid"] == "ioc" and asked["model"]["format"] == "table"
    assert asked["model"]["rawSql"] == query.text(rule.query)
    assert judged["datasourceUid"] == "__expr__" and judged["model"]["expression"] == "A"
    (condition,) = judged["model"]["conditions"]
    assert condition["evaluator"] == {"type": rule.fires, "params": [rule.threshold]}
    assert made["condition"] == judged["refId"] == "B"
    assert made["labels"]["severity"] == rule.severity and made["labels"]["system"] == "ioc"
    # Silence is what a rule of liveness looks for.
    assert (made["noDataState"] == "Alerting") == (rule.uid in LIVENESS)
    assert (made["execErrState"] == "Alerting") == (rule.uid in LIVENESS)
    assert rule.why
    (screen,) = [one for one in SCREENS if one.uid == made["dashboardUid"]]
    assert screen.tiles[made["panelId"] - 1].id == rule.tile[1]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.uid)
def test_what_people_read(rule: AlertRule, rules: dict[str, Any]) -> None:
    notes = rules[rule.uid]["annotations"]
    # The provisioning would take a $ for a variable of its environment.
    assert "$" not in "".join(notes.values()) + "".join(rules[rule.uid]["labels"].values())
    assert rule.mend.vi in notes["runbook"] and rule.mend.en in notes["runbook"]
    selected = query.text(rule.query)
    for name in {*re.findall(r"\{(\w+)\}", rule.says.vi + rule.says.en)} - {"value"}:
        assert re.search(rf"\b{name}\b", selected), f"{name} is no label of this query"
        assert f"{{{{ with .Labels.{name} }}}}" in notes["summary"]
    assert set(re.findall(r"\{(\w+)\}", rule.says.vi)) == set(
        re.findall(r"\{(\w+)\}", rule.says.en)
    )


def test_an_alert_knows_no_choice_of_a_screen() -> None:
    with pytest.raises(QueryError, match=r"age-flow\.sql: an alert knows no \$\{city\}"):
        provisioned([replace(RULES[0], query="age-flow")], folder="IOC", datasource="ioc")


def test_a_tile_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="there is no tile 'x' on a screen 'ha-tang'"):
        provisioned([replace(RULES[0], tile=("ha-tang", "x"))], folder="IOC", datasource="ioc")


def test_every_query_of_an_alert_has_a_rule() -> None:
    asked = {name for name in query.names() if name.startswith("alert-")}
    assert asked == {rule.query for rule in RULES}
