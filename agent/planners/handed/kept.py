"""What goes to people in a case, as it was said last: groups of images, and answers of which the model is less sure than a limit.

Kept in the journal (``handed.set``), so that a sentence of a later session can go on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from failsight.knowledge_base.condition_text import TOGETHER, denied

if TYPE_CHECKING:
    from failsight.agent.case import Case

EVENT: Final = "handed.set"
Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """Who answers what.

    Attributes:
        groups: conditions of images that go to people; any of the groups is enough.
        bar: answers of which the model is less sure go to people, too; 0 for none.
        accepted: the share of errors that is accepted among what is left to the model; None where nobody said.
    """

    groups: tuple[Group, ...] = ()
    bar: float = 0.0
    accepted: float | None = None

    def __bool__(self) -> bool:
        return bool(self.groups or self.bar)

    @property
    def outside(self) -> tuple[str, ...]:
        """The conditions of all images that are in none of the groups."""
        return tuple(outside(g) for g in self.groups)

    @property
    def left(self) -> tuple[str, ...]:
        """The conditions of the images that are left to the model."""
        return (*self.outside, *((f"confidence>={self.bar:.6g}",) if self.bar else ()))

    def parts(self) -> list[tuple[str, ...]]:
        """The conditions of what goes to people, in parts that share no image."""
        made = [(*g, *(outside(b) for b in self.groups[:i])) for i, g in enumerate(self.groups)]
        return [*made, *([(*self.outside, f"confidence<{self.bar:.6g}")] if self.bar else [])]


def outside(group: Group) -> str:
    """The condition of all images but those of a group."""
    return denied(group[0]) if len(group) == 1 else f"{TOGETHER}{'&'.join(group)})"


def kept(case: Case) -> Division:
    """The division that was said last; an empty one where nobody said any."""
    for event in reversed(case.journal.events):
        if event.kind == EVENT:
            return _read(event.data)
    return Division()


def keep(case: Case, made: Division) -> None:
    """Keep a division, where it is another than the last one."""
    if kept(case) != made:
        case.record(EVENT, groups=[list(g) for g in made.groups], bar=made.bar, accepted=made.accepted)


def _read(data: Any) -> Division:
    groups: Sequence[Sequence[Any]] = data.get("groups") or ()
    accepted = data.get("accepted")
    return Division(
        tuple(tuple(map(str, g)) for g in groups if g),
        float(data.get("bar") or 0),
        float(accepted) if accepted is not None else None,
    )
