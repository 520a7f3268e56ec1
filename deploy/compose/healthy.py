"""The health check of our own containers: ``healthy.py URL [METRIC]``; exit code 0 or 1.

The address must answer 200 within five seconds. With METRIC, that line of a Prometheus page must be
above zero. ``https`` is checked against the certificate authority that ``HEALTHY_CA`` names.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
import urllib.request

WITHIN_S = 5.0


def judge(url: str, metric: str | None, ca_file: str | None) -> str | None:
    """What is wrong, or None."""
    context = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_S, context=context) as answer:
            page = answer.read(4 * 2**20).decode("utf-8", "replace")
    except OSError as error:
        return f"{url}: {error}"
    if metric is None:
        return None
    found = re.search(rf"^{re.escape(metric)}(?:\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
    if found is None:
        return f"{url}: has no {metric}"
    return None if float(found[1]) > 0 else f"{metric} is {found[1]}"


def main(arguments: list[str]) -> int:
    """Judge and say so."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    wrong = judge(
        arguments[0], arguments[1] if len(arguments) == 2 else None, os.environ.get("HEALTHY_CA")
    )
    if wrong is not None:
        print(wrong, file=sys.stderr)
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
