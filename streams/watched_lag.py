"""How far the workers are behind Kafka, from offsets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.watched import Value


class Place(NamedTuple):
    """One partition."""

    topic: str
    partition: int


class Offsets(NamedTuple):
    """One partition's numbers.

    Attributes:
        low: Of the oldest record that is kept.
        high: Of the next record.
        committed: Of the next record that the group wants; None: it has confirmed none yet.
    """

    low: int
    high: int
    committed: int | None

    @property
    def next(self) -> int:
        """The oldest record that is kept and not confirmed."""
        return self.low if self.committed is None else max(self.low, self.committed)

    @property
    def lag(self) -> int:
        """Records that are not confirmed; 0 where the topic was made anew below the mark."""
        return max(0, self.high - self.next)


def lag(
    found: Mapping[Place, Offsets], oldest_ms: Mapping[Place, int], now_ms: int
) -> Iterator[Value]:
    """The figures of all topics.

    Args:
        found: All partitions that the workers read.
        oldest_ms: Time of the oldest record that is not confirmed, as far as it could be read,
            milliseconds since 1970.
        now_ms: The time, likewise.
    """
    topics: dict[str, list[Place]] = {}
    for place in found:
        topics.setdefault(place.topic, []).append(place)
    total, worst, known = 0, 0.0, True
    for topic, places in sorted(topics.items()):
        behind = [place for place in places if found[place].lag]
        count = sum(found[place].lag for place in behind)
        total += count
        yield Value("stream_lag", float(count), "count", topic)
        if any(place not in oldest_ms for place in behind):
            known = False  # an age that leaves out a partition may be far too young
            continue
        age = max((max(0, now_ms - oldest_ms[place]) / 1000 for place in behind), default=0.0)
        worst = max(worst, age)
        yield Value("stream_lag_s", age, "s", topic)
    yield Value("stream_lag", float(total), "count")
    if known:
        yield Value("stream_lag_s", worst, "s")
