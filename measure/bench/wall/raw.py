"""The other side of the comparison: the same questions to the raw rows.

The schema ``raw`` has a view for each aggregate, with the same name and columns, that counts the
raw rows anew at every read. A session that looks there first asks the very same SQL of them. A
view goes from the raw rows to its bucket in one step, where the aggregates go from level to level:
who asks raw rows for a day has no reason to count its minutes first.
"""

from __future__ import annotations

import re
from typing import Final

from store.schema import Flavour, migrations

SCHEMA: Final = "raw"
SEARCH_PATH: Final = f"{SCHEMA}, public"
BUCKETS: Final = {
    "1m": "time_bucket(INTERVAL '1 minute', time)",
    "15m": "time_bucket(INTERVAL '15 minutes', time)",
    "1h": "time_bucket(INTERVAL '1 hour', time)",
    "1d": "time_bucket(INTERVAL '1 day', time, 'Asia/Ho_Chi_Minh')",
}
_MINUTES: Final = re.compile(
    r"CREATE MATERIALIZED VIEW (\w+)_1m\s+WITH \([^)]*\) AS\s+(SELECT .*?)\s+WITH NO DATA;", re.S
)
_COMMENTS: Final = re.compile(r"--[^\n]*")


def bodies() -> dict[str, str]:
    """Name of each aggregate, and a SELECT that gives its rows from raw ones.

    The aggregate of minutes is made of raw rows, so its text with another bucket is any other
    level: sums, extremes and weights are the same whether they are taken at once or in steps.
    """
    text = "\n".join(step.sql for step in migrations(Flavour.TIMESCALE))
    return {
        f"{series}_{level}": select.replace(BUCKETS["1m"], bucket)
        for series, select in _MINUTES.findall(text)
        for level, bucket in BUCKETS.items()
    }


def views(*, timescale: bool) -> str:
    """Statements that make the schema; on plain PostgreSQL it is empty.

    There the aggregates are such views themselves, and there is nothing to compare.
    """
    made = [f"CREATE SCHEMA {SCHEMA};", f"GRANT USAGE ON SCHEMA {SCHEMA} TO ioc_wall;"]
    if timescale:
        made += [f"CREATE VIEW {SCHEMA}.{name} AS {body};" for name, body in bodies().items()]
        made.append(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO ioc_wall;")
    return "\n".join(made)


def aggregates(query: str) -> tuple[str, ...]:
    """The aggregates that a query names; none: it asks raw rows and tables already."""
    found = set(re.findall(r"\w+", _COMMENTS.sub("", query)))
    return tuple(name for name in bodies() if name in found)
