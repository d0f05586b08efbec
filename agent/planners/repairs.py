"""The repair walk: which confirmed findings to repair, with the steps that apply a correction and verify it.

Nothing is repaired unasked: a person's `go on` is asked again by the tool's own question, an unattended run repairs only
what ``--repair`` names.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from failsight import prompts
from failsight.agent.planners.step import Step
from failsight.tools.errors import RetryError, UserError
from failsight.tools.registry import registry
from failsight.tools.repair.versions import FOLDER as REPAIRS
from failsight.tools.repair.versions import RESTATED
from failsight.tools.text import clean
from failsight.tools.verdicts import at_stake

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState, FindingRecord

FIRST, ALL = "first", "all"
_ID = re.compile(r"[Ff][0-9]+")
BUDGET = 300  # labelled pool images that a repair adds: those where the model fails, not the whole pool
MOST = 6  # findings that `all` repairs, those that cost most errors


def check(which: str) -> None:
    """Raises UserError where ``--repair`` means nothing: said before anything is measured."""
    if which not in ("", FIRST, ALL) and not all(
        map(_ID.fullmatch, which.replace(",", " ").split() or ["?"])
    ):
        raise UserError(
            f"--repair {clean(which, 60)!r} names no findings.", "Write first, all, or ids like F3,F5."
        )


def wanted(case: Case, state: CaseState, asks: bool) -> list[FindingRecord]:
    """The findings to repair, in the order of ``propose_correction``; ``asks``: a person is there to say no. Where there are only
    answers, nobody is asked to have a model trained.

    Raises:
        UserError: ``--repair`` names a finding that the case does not have.
    """
    which = case.config.repair or (FIRST if asks and case.has_model() else "")
    if not which or "retrain" not in registry():
        return []
    if which in (FIRST, ALL):
        records = sorted(state.confirmed(), key=lambda r: -at_stake(r.finding))
        able = (r for r in records if can_repair(case, r))
        return list(islice(able, 1 if which == FIRST else MOST))
    named = []
    for name in which.replace(",", " ").split():
        record = state.find(name)
        if record is None:
            if state.latest("readiness") is None and state.latest("propose_correction") is None:
                continue  # it may still come
            raise UserError(f"--repair: there is no finding {name}.", "`failsight report` lists them.")
        named.append(record)
    return named


def can_repair(case: Case, record: FindingRecord) -> bool:
    """Whether the case has what some strategy needs to repair the finding."""
    return not lacking(case, record)


def lacking(case: Case, record: FindingRecord, strategy: str = "") -> str:
    """Why the finding can't be repaired with what the case has; empty where it can."""
    from failsight.tools.repair.choosing import Asked, choose

    asked = Asked(record.id, record.finding, strategy or None, None, None, None, 3, "auto", "usual")
    try:
        choose(case, asked)  # type: ignore[arg-type]
    except RetryError as problem:
        return str(problem)
    return ""


def retraining(case: Case, state: CaseState, asks: bool) -> list[Step]:
    """A call of ``retrain`` for each finding to repair that no version was made for."""
    made = {v.finding for v in state.versions.values()}
    ran = {e.arguments.get("finding") for e in state.evidence if e.tool == "retrain"}
    todo = [r for r in wanted(case, state, asks) if r.id in ran or r.id not in made]
    return [applying(case, r) for r in todo]


def applying(case: Case, record: FindingRecord, strategy: str = "") -> Step:
    """The call of ``retrain`` that applies a correction of the finding."""
    labelled = (case.folder / REPAIRS / "labels-pool.csv").is_file()
    more = {"budget": BUDGET} if labelled and strategy in ("", "collect") else {}
    named = {"strategy": strategy} if strategy else {}
    why = prompts.say("why.retrain", finding=record.id)
    return Step("", "retrain", why, {"finding": record.id, **named, **more})


def verification(case: Case, state: CaseState) -> list[Step]:
    """A call of ``verify_correction`` for each repair."""
    made = [
        v for v in state.versions.values() if v.strategy != RESTATED
    ]  # those were tested before they were made
    return [
        verifying(name)
        for name in dict.fromkeys(v.repair for v in made if state.made_from[v.name] == state.current)
    ]


def verifying(repair: str) -> Step:
    """The call of ``verify_correction`` for one repair."""
    return Step(
        "", "verify_correction", prompts.say("why.verify_correction", repair=repair), {"repair": repair}
    )
