"""Whether what was derived still holds: a judgement of readiness, a list of repairs, as of which event and what came since.

Both rest on verdicts, repairs and expectations. They stay in the journal as they were; wherever they are told beside
something newer, it is said what they did not know yet and how to have them anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from failsight.agent.state import DERIVED, CaseState, FindingRecord
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean, listing

READINESS, PROPOSED, VERIFY = "readiness", "propose_correction", "verify_correction"
STAGE = {READINESS: "readiness", PROPOSED: "correct"}
SAID = {READINESS: "judged", PROPOSED: "proposed"}
ANEW = {
    READINESS: "say “Is it ready?” to judge it again",
    PROPOSED: "say “How can I improve the model?” to propose again",
}
MOST = 4


def since(state: CaseState, made: Evidence) -> str:
    """What a judgement or a list of repairs did not know yet; empty where it still holds, or is neither.

    ``E17 was judged before the repair R1 of F10 was verified``
    """
    if made.tool not in DERIVED:
        return ""
    if state.made_with.get(made.id, "") != state.current:
        return f"{made.id} was {SAID[made.tool]} before the case went on with {state.current}"
    causes = list(_causes(state, made))
    return f"{made.id} was {SAID[made.tool]} before {listing(causes, MOST, 120)}" if causes else ""


def outdated(state: CaseState, made: Evidence) -> str:
    """The same with what to say to have it anew."""
    said = since(state, made)
    return f"{said}; {ANEW[made.tool]}" if said else ""


def newest(state: CaseState, tool: str) -> Evidence | None:
    """The newest of the whole case, of whatever version; a list of repairs for one finding alone is none of the case."""
    return next(
        (e for e in reversed(state.evidence) if e.tool == tool and not e.arguments.get("finding")), None
    )


def stale_stages(state: CaseState) -> dict[str, str]:
    """Stage → why what was derived in it last no longer holds; stages where it does are not in it."""
    made = {}
    for tool, stage in STAGE.items():
        last = newest(state, tool)
        said = outdated(state, last) if last is not None else ""
        if said:
            made[stage] = said
    return made


def remarks(state: CaseState, text: str) -> list[str]:
    """A sentence for each judgement or list that ``text`` repeats (``… [E17]``) though it no longer holds."""
    said = [outdated(state, e) for e in state.evidence if f"[{e.id}]" in text]
    return [f"{s}." for s in said if s]


def dated(state: CaseState, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Evidence as a screen shows it when it is looked at again: what no longer holds says so in its first notes. The journal
    keeps it as it was."""
    made = []
    for one in evidence:
        said = outdated(state, one)
        notes = [f"{said}."] * bool(said) + list(_decided_since(state, one))
        made.append(dataclasses.replace(one, notes=(*notes, *one.notes)) if notes else one)
    return tuple(made)


def _decided_since(state: CaseState, made: Evidence) -> Iterable[str]:
    """Findings of which evidence says another verdict than the one that stands by now, at most :data:`MOST` of them."""
    told = 0
    for finding in made.findings:
        record = state.records.get(finding.key)
        if record is None or record.finding.verdict == finding.verdict or made.id not in record.evidence:
            continue
        told += 1
        if told > MOST:
            return
        here = f"was {clean(finding.verdict, 20)}" if finding.verdict else "was not decided"
        yield f"{record.id} {here} here and is {record.standing} by now ({_decider(state, record)})."


def _decider(state: CaseState, record: FindingRecord) -> str:
    """The newest evidence that gave a finding the verdict that it has."""
    known = {e.id: e for e in state.evidence}
    saying = [
        name
        for name in record.evidence
        if any(
            f.key == record.finding.key and f.verdict == record.finding.verdict for f in known[name].findings
        )
    ]
    return (saying or list(record.evidence))[-1]


def _causes(state: CaseState, made: Evidence) -> Iterable[str]:
    """What came since, as clauses: other expectations, verified repairs, verdicts."""
    if made.tool == READINESS and state.measured.get(made.id, 0) < state.groups_at:
        same = f"images of the same {clean(state.groups or '', 40)} counted together"
        yield same if state.groups else "images counted as independent"
    if state.measured.get(made.id, 0) < state.labels_at:
        yield "labels were looked at by people"
    if made.tool == READINESS and state.out_of_date(made):
        yield "other expectations were set"
    at = state.measured.get(made.id, 0)
    then, now = _verified(state, at), _verified(state, state.seq)
    yield from (f"the repair {name} was verified" for name in _named(state, now, but=then))
    yield from (f"the repair {name} was found wanting" for name in _named(state, then, but=now))
    about = str(made.arguments.get("finding") or "").upper()
    before = state.stood.get(made.id, {})
    changed: dict[str, list[str]] = {}
    for record in state.now():
        was, verdict = before.get(record.id), record.finding.verdict
        if about not in ("", record.id) or was == verdict or "confirmed" not in (was, verdict):
            continue
        changed.setdefault(str(verdict or "open"), []).append(record.id)
    for word, ids in changed.items():
        yield f"{listing(ids, MOST)} {'was' if len(ids) == 1 else 'were'} {clean(word, 20)}"


def _verified(state: CaseState, until: int) -> list[str]:
    """Names of the repairs whose last verification up to an event said that they help."""
    last: dict[str, str] = {}
    for made in state.measured_now():
        if made.tool == VERIFY and state.measured.get(made.id, 0) <= until:
            last.update({f.of: str(f.value) for f in made.facts if f.name == "verdict"})
    return [name for name, verdict in last.items() if verdict == "verified"]


def _named(state: CaseState, repairs: Iterable[str], *, but: Iterable[str]) -> Iterable[str]:
    left = set(but)
    for name in repairs:
        if name not in left:
            finding = next((v.finding for v in state.versions.values() if v.repair == name), "")
            yield f"{name} of {finding}" if finding else name
