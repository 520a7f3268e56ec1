"""Running what TimescaleDB's scheduler would run one day."""

from __future__ import annotations

import psycopg

from ioc.settings import DatabaseSettings
from store.maintain import maintain

POLICIES = ("policy_refresh_continuous_aggregate", "policy_compression", "policy_retention")


def run_policies(settings: DatabaseSettings) -> None:
    """Run every policy of ours once, by ``ioc db maintain`` where there is no scheduler."""
    tasks = maintain(settings)
    assert [task for task in tasks if task.error] == []
    if any(task.name.startswith("refresh") for task in tasks):
        done = {task.name for task in tasks}
        assert {"refresh flow_1m", "compression flow", "retention flow_1d"} <= done
        return
    with psycopg.connect(settings.url, autocommit=True) as connection:
        for name in POLICIES:
            query = (
                "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = %s "
                "ORDER BY schedule_interval, job_id"
            )
            for (job,) in connection.execute(query, (name,)).fetchall():
                connection.execute(f"CALL run_job({int(job)})".encode())
