"""The alert rules: when somebody is called, and what that person does."""

from __future__ import annotations

from typing import Final

from dashboards.alert_rules import custody, liveness, machines, pipeline
from dashboards.alerts import AlertRule

RULES: Final[tuple[AlertRule, ...]] = (
    *liveness.RULES,
    *pipeline.RULES,
    *machines.RULES,
    *custody.RULES,
)
