"""MQTT topic filters: which topics they match, and whether two of them can match the same one."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicFilter:
    """A topic filter with ``+`` for one level and ``#`` for all the rest (MQTT 5, section 4.7)."""

    text: str
    levels: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> TopicFilter:
        """A checked filter.

        Raises:
            ValueError: It breaks the rules of MQTT; the message says which.
        """
        levels = tuple(text.split("/"))
        if not text or "\0" in text or len(text.encode()) > 65_535:
            raise ValueError(f"{text[:80]!r} is no topic filter: 1 to 65535 bytes without NUL")
        if text.startswith("$"):
            raise ValueError(f"{text!r}: topics that begin with '$' belong to the broker")
        for index, level in enumerate(levels):
            if level == "#" and index < len(levels) - 1:
                raise ValueError(f"{text!r}: '#' may only be the last level")
            if level not in ("#", "+") and ("#" in level or "+" in level):
                raise ValueError(f"{text!r}: '+' and '#' must stand alone in their level")
        parts = [r"[^/]*" if level == "+" else re.escape(level) for level in levels]
        if levels[-1] == "#":
            parts.pop()
            body = "/".join(parts) + "(?:/.*)?" if parts else ".*"
        else:
            body = "/".join(parts)
        return cls(text, levels, re.compile(body, re.DOTALL))

    def matches(self, topic: str) -> bool:
        """Whether a message on ``topic`` is one of this filter's."""
        if topic.startswith("$"):
            return False
        return self.pattern.fullmatch(topic) is not None

    def overlaps(self, other: TopicFilter) -> bool:
        """Whether some topic matches both."""
        length = max(len(self.levels), len(other.levels))
        for index in range(length):
            mine = self.levels[index] if index < len(self.levels) else None
            theirs = other.levels[index] if index < len(other.levels) else None
            if "#" in (mine, theirs):
                return True
            if mine is None or theirs is None:
                return False
            if "+" not in (mine, theirs) and mine != theirs:
                return False
        return True

    def has_level(self, index: int) -> bool:
        """Whether every matching topic has the level ``index``, negative from the end."""
        fixed = len(self.levels) - (self.levels[-1] == "#")
        return -fixed <= index < fixed if fixed == len(self.levels) else 0 <= index < fixed
