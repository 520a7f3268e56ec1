"""The order of acknowledgement: PUBACK goes out only for the finished prefix.

MQTT 5 (section 4.6) wants PUBACKs in the order of the PUBLISHes, and Kafka confirms in the order
that its partitions please. The window keeps the messages in the order they came, and releases from
its front those that Kafka has confirmed.
"""

from __future__ import annotations

from collections import deque


class Pending:
    """One MQTT message on its way to Kafka.

    Attributes:
        mid: MQTT packet id, which the PUBACK names.
        parts: Kafka records that are not confirmed yet.
        failed: Kafka refused one for good: the message must not be acknowledged.
        since: Monotonic second of its arrival; 0 when its latency is not sampled.
    """

    __slots__ = ("failed", "mid", "parts", "since")

    def __init__(self, mid: int, parts: int, since: float = 0.0) -> None:
        self.mid = mid
        self.parts = parts
        self.failed = False
        self.since = since


class AckWindow:
    """Messages in flight of one MQTT connection, in the order of their arrival.

    A packet id has a meaning within one connection only: after a reconnect the broker sends
    unacknowledged messages again under ids of its own choice. So make a new window for each
    connection; what the old one still holds is never acknowledged and comes again.
    """

    def __init__(self) -> None:
        self._pending: deque[Pending] = deque()

    def __len__(self) -> int:
        return len(self._pending)

    def enter(self, mid: int, parts: int = 1, since: float = 0.0) -> Pending:
        """Note a message that came.

        Args:
            mid: Its packet id.
            parts: How many Kafka records must be confirmed; 0 is finished at once.
            since: When it came, if its latency is to be measured.
        """
        pending = Pending(mid, parts, since)
        self._pending.append(pending)
        return pending

    def release(self) -> list[Pending]:
        """Take the finished prefix out.

        Returns:
            Messages to acknowledge, in the order in which they came.
        """
        queue = self._pending
        ready: list[Pending] = []
        while queue and queue[0].parts <= 0 and not queue[0].failed:
            ready.append(queue.popleft())
        return ready

    @property
    def blocked(self) -> bool:
        """Whether a failed message stands at the front, so that nothing behind it can go."""
        return bool(self._pending) and self._pending[0].failed
