"""What a search is restricted to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from failsight.knowledge_base.schema import LEVELS, Entry


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search is restricted to; empty values restrict nothing."""

    kinds: Collection[str] | None = None
    topic: str | None = None
    step: str | None = None
    level: str | None = None

    def allows(self, entry: Entry) -> bool:
        """Whether ``entry`` passes."""
        return (
            (self.kinds is None or entry.kind in self.kinds)
            and (not self.topic or entry.topic == self.topic)
            and (not self.step or not entry.steps or self.step in entry.steps)
            and (not self.level or LEVELS.index(entry.level) <= LEVELS.index(self.level))
        )

    def where(self) -> dict[str, Any] | None:
        """The same as a Chroma ``where`` clause."""
        parts: list[dict[str, Any]] = []
        if self.kinds is not None:
            parts.append({"kind": {"$in": sorted(self.kinds)}})
        if self.topic:
            parts.append({"topic": self.topic})
        if self.step:
            parts.append({f"step_{self.step}": True})
        if self.level:
            parts.append({"level": {"$lte": LEVELS.index(self.level)}})
        return None if not parts else parts[0] if len(parts) == 1 else {"$and": parts}
