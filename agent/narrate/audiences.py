"""Who reads a report: four audiences, what each is called, and which parts of the report it gets.

Depth and words differ, never the facts: whatever one audience reads stands in the evidence that all can open.
"""

from __future__ import annotations

from failsight.tools.errors import UserError

DEVELOPER = "developer"
# audience → (name, what it gets)
AUDIENCES: dict[str, tuple[str, str]] = {
    DEVELOPER: ("Developer", "everything: tests, plans, controls, evidence"),
    "requester": ("Requester", "whether it does what was asked, what goes wrong, what has to be decided"),
    "domain_expert": ("Domain expert", "by what it tells the classes apart, and what only you can say"),
    "end_user": ("End-user", "how far to trust it, and when to be careful"),
}
ALL = tuple(AUDIENCES)
EXPERTS = (DEVELOPER, "domain_expert")
INVOLVED = (DEVELOPER, "requester", "domain_expert")
DECIDERS = (DEVELOPER, "requester")

# part of the report → the audiences that get it; parts that are not named are for all
PARTS: dict[str, tuple[str, ...]] = {
    "front": (DEVELOPER,),
    "brief": (DEVELOPER,),
    "todo": (DEVELOPER,),
    "findings": INVOLVED,
    "corrections": DECIDERS,
    "readiness": (DEVELOPER,),
    "reviews": INVOLVED,
    "people": INVOLVED,
    "others": INVOLVED,
    "expected": DECIDERS,
    "seen": (DEVELOPER,),
    "supposed": (DEVELOPER,),
    "planned": (DEVELOPER,),
    "tested": EXPERTS,
    "corrected": DECIDERS,
    "decided": DECIDERS,
    "cost": DECIDERS,
    "not-examined": INVOLVED,
    "left-out": EXPERTS,
    "story": INVOLVED,
    "deep": (DEVELOPER,),
    "reading": INVOLVED,
}


def readers(part: str) -> tuple[str, ...]:
    """Who gets a part of the report."""
    return PARTS.get(part, ALL)


def audience(name: str) -> str:
    """The audience called ``name`` (``end-user`` is ``end_user``). Raises UserError naming all."""
    known = name.strip().lower().replace("-", "_").replace(" ", "_")
    if known not in AUDIENCES:
        raise UserError(
            f"There is no audience {name!r}.", f"Choose from {', '.join(a.replace('_', '-') for a in ALL)}."
        )
    return known
