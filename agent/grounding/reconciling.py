"""Several readings of one sentence brought together: which claims stand beside one another, and which are dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.reading import Reading


def reconciled(made: list[Claim], read: list[Claim]) -> list[Claim]:
    """Two readings of one comparison or rank: where they differ, the one that the record bears out is meant."""
    kept = [
        c
        for c in made
        if c.ok
        or c.kind not in ("comparison", "rank")
        or not any(
            r.ok and meet(c, r)
            for r in (
                *read,
                *(m for m in made if c.kind == m.kind == "rank" and m.end - m.start > c.end - c.start),
            )
        )
    ]
    same = [c for c in kept if c.kind in ("comparison", "rank")]
    return kept + [r for r in read if not any(meet(c, r) for c in same)]


def marked_once(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Claims without a second reason for a mark at the same place."""
    marked: set[int] = set()
    kept: list[Claim] = []
    for claim in claims:
        if claim.ok or claim.end not in marked:
            kept.append(claim)
        if not claim.ok:
            marked.add(claim.end)
    return tuple(kept)


_WANTED = re.compile(
    r"\b(?:needs?|needed|requires?|wants?|calls? for|takes?|would take)(?: an?)? (?:[\w ]{0,24} or )?$",
    re.IGNORECASE,
)


def wanted(at: Reading, claim: Claim) -> bool:
    """``it needs a better model``: what is wanted, and not compared."""
    return _WANTED.search(at.part[: claim.start - at.sentence.start]) is not None


def turned(at: Reading, claim: Claim) -> bool:
    """Whether a comparison stands behind a negation of its own clause: "is not significantly weaker"."""
    before = at.part[: claim.start - at.sentence.start]
    stretch = re.split(r"[;:,(]| but | while ", before)[-1]
    return re.search(r"(?:\b(?:not|never)|n't)(?: \w+)?(?: \w+)? $", stretch, re.IGNORECASE) is not None


def hardly(at: Reading, claim: Claim) -> Claim:
    """``does hardly better``: a difference that is there is denied."""
    if not claim.ok or claim.kind != "comparison":
        return claim
    stretch = at.text[max(at.sentence.start, claim.start - 12) : claim.end + 8]
    if (
        re.search(r"\b(?:hardly|scarcely) (?:any )?(?:better|worse|more|less|higher|lower|\w+er)\b", stretch)
        is None
    ):
        return claim
    return Claim(claim.kind, claim.start, claim.end, False, (), "the record says the opposite")


def but_one(at: Reading) -> bool:
    """``Apart from bedroom, all rooms …``: the class named is the one that is not meant."""
    named = [m for m in at.mentions if m.kind == "class"]
    lead = at.text[max(at.sentence.start, named[0].start - 30) : named[0].start] if named else ""
    return (
        len({m.name for m in named}) == 1
        and re.search(
            r"\b(?:apart from|except(?: for)?|with the exception of|save for|other than|but) (?:the )?$",
            lead,
            re.IGNORECASE,
        )
        is not None
    )


def meet(one: Claim, other: Claim) -> bool:
    return one.start < other.end and other.start < one.end
