"""``failsight signoff``: who says that the model may be used, on which evidence, and whether that evidence has moved since.

A sign-off is a person's decision. It names the digest of everything it rests on, so that evidence recorded later makes it
stale, visibly. It may go against the statistics; it is then shown as that.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.currency import since
from failsight.agent.state import CaseState
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.journal import Event
    from failsight.tools.evidence import Evidence

DECISIONS = ("ready", "not-ready", "conditional")
WORDS = {"ready": "ready", "not-ready": "not ready", "conditional": "ready under conditions"}
VERDICTS = {
    "ready": "the expectations hold",
    "not_ready": "not all expectations hold",
    "undecided": "the images at hand do not decide it",
    "": "nobody has judged the expectations",
}
APART = ("readiness", "search_knowledge")  # tools that measure nothing new
LONGEST = 2000  # characters of a note


@dataclass(frozen=True, slots=True)
class SignOff:
    """One decision of one person.

    Attributes:
        seq, time: of its event. decision: one of DECISIONS. verdict: what readiness said then, empty when nobody asked.
        evidence: id of that readiness evidence. basis: digest of what it rests on.
        since: what came later that it does not rest on, one phrase each; empty while it stands.
        replaced: whether the same person decided again.
        version: of the model that was judged then; empty: the model as given.
    """

    seq: int
    time: str
    by: str
    decision: str
    note: str
    verdict: str
    evidence: str
    basis: str
    failing: tuple[str, ...]
    undecided: tuple[str, ...]
    unresolved: tuple[str, ...]
    since: tuple[str, ...] = ()
    replaced: bool = False
    version: str = ""

    @property
    def stale(self) -> bool:
        """Whether evidence, expectations, labels or models have changed since."""
        return bool(self.since)

    @property
    def against(self) -> str:
        """How it goes against the statistics: one phrase, empty when it does not."""
        if self.decision in ("ready", "conditional") and self.verdict != "ready":
            return f"although {VERDICTS.get(self.verdict, VERDICTS[''])}"
        if self.decision == "not-ready" and self.verdict == "ready":
            return "although the expectations hold"
        return ""


def basis(state: CaseState) -> dict[str, Any]:
    """What a decision on a case rests on: model, data, expectations, evidence, findings, corrected labels."""
    model = state.config.get("model") or {}
    data = state.config.get("data") or {}
    return {
        "model": model.get("fingerprint"),
        "data": {split: given.get("fingerprint") for split, given in data.items()},
        "expectations": sorted(
            ([e.name, e.bound, e.at_least] for e in state.expectations.values()), key=lambda e: str(e[0])
        ),
        "evidence": [[e.id, digest(e.to_dict())] for e in state.evidence if e.tool not in APART],
        "findings": [[r.id, r.finding.key, r.finding.verdict] for r in state.records.values()],
        "labels": state.relabelled,
        **({"version": version_judged(state)} if version_judged(state) else {}),
    }


def version_judged(state: CaseState) -> str:
    """The version whose readiness was judged last; empty for the model as given."""
    made = state.latest("readiness")
    fact = next((f for f in made.facts if f.name == "version_judged"), None) if made else None
    return str(fact.value) if fact else ""


def verdict(state: CaseState) -> tuple[str, str]:
    """(ready, not_ready, undecided or empty; id of the evidence) of the newest readiness evidence."""
    made = state.latest("readiness")
    fact = next((f for f in made.facts if f.name == "readiness"), None) if made else None
    return (str(fact.value), made.id) if made and fact else ("", "")


def signoffs(events: Sequence[Event], state: CaseState) -> tuple[SignOff, ...]:
    """All decisions, oldest first, with what has changed since each."""
    now = digest(basis(state))
    made: list[SignOff] = []
    for event in events:
        if event.kind != "signoff.given":
            continue
        d = event.data
        one = SignOff(
            event.seq, event.time, str(d.get("by", "")), str(d.get("decision", "")), str(d.get("note", "")),
            str(d.get("verdict", "")), str(d.get("evidence", "")), str(d.get("basis", "")),
            _names(d, "failing"), _names(d, "undecided"), _names(d, "unresolved"), version=str(d.get("version", "")),
        )  # fmt: skip
        if one.basis != now:
            one = dataclasses.replace(one, since=_since(events, event.seq))
        made = [dataclasses.replace(o, replaced=o.replaced or _same(o.by, one.by)) for o in made]
        made.append(one)
    return tuple(made)


def _names(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(map(str, data.get(key) or ()))


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _since(events: Sequence[Event], seq: int) -> tuple[str, ...]:
    """What was recorded after event ``seq`` that a decision rests on, oldest first, each once."""
    told: list[str] = []
    for event in events:
        if event.seq <= seq:
            continue
        d = event.data
        if event.kind == "evidence.recorded":
            made = d.get("evidence") or {}
            if made.get("tool") not in APART:
                told.append(f"{made.get('id', '')} ({made.get('tool', '')})")
        elif event.kind == "expectation.set":
            told.append(f"the expectation {d.get('name', '')}")
        elif event.kind == "labels.imported":
            told.append("corrected labels")
        elif event.kind == "groups.set":
            told.append("which images belong together")
        elif event.kind in ("model.added", "case.configured"):
            told.append(
                "another version of the model" if event.kind == "model.added" else "the case's model or data"
            )
    return tuple(dict.fromkeys(told)) or ("its evidence",)


def deciders(state: CaseState) -> tuple[str, ...]:
    """Who was named, in the form ``expectations``, as the one who decides."""
    named = (clean(a["answers"].get("sign_off", ""), 120) for a in state.forms.get("expectations", ()))
    return tuple(dict.fromkeys(n for n in named if n))


def sign(case: Case, by: str, decision: str | None = None, note: str = "") -> SignOff:
    """Judge the expectations as they stand, and journal the decision.

    Args:
        by: who decides, and in which role.
        decision: one of DECISIONS; None for what the statistics say.
        note: reasons, and the conditions of a conditional decision.

    Raises:
        UserError: nobody is named; an unknown decision; conditions that are not stated; nothing that the statistics decide.
    """
    by, note = clean(by, 120), clean(note, LONGEST)
    if not by:
        raise UserError("A sign-off needs a name.", "Say who decides: --by 'NAME (ROLE)'.")
    if decision is not None and decision not in DECISIONS:
        raise UserError(
            f"There is no decision {clean(decision, 40)!r}.", f"Give one of {', '.join(DECISIONS)}."
        )
    if decision == "conditional" and not note:
        raise UserError(
            "A conditional sign-off needs its conditions.", "State them: --note 'only in daylight'."
        )
    failing, undecided, unresolved = _judged(case)
    found, evidence = verdict(case.state())
    if decision is None:
        if found not in ("ready", "not_ready"):
            raise UserError(
                f"The statistics decide nothing: {VERDICTS.get(found, VERDICTS[''])}.",
                f"Say what you decide: --decision {' or '.join(DECISIONS)}.",
            )
        decision = found.replace("_", "-")
    state = case.state()
    case.record(
        "signoff.given", by=by, decision=decision, note=note, verdict=found, evidence=evidence, basis=digest(basis(state)),
        version=version_judged(state), events=len(case.journal.events), failing=failing, undecided=undecided, unresolved=unresolved,
    )  # fmt: skip
    return signoffs(case.journal.events, case.state())[-1]


def _judged(case: Case) -> tuple[list[str], list[str], list[str]]:
    """Names of the criteria that fail and that are undecided, and findings confirmed and not repaired, judged as of now."""
    from failsight.tools.expectations.criteria import criteria_of
    from failsight.tools.readiness import TABLE_UNRESOLVED

    made: Evidence | None
    try:
        made, _ = case.call("readiness", {}, by="person", why="asked for by a sign-off")
    except RetryError:
        return [], [], []
    except UserError:
        if case.recorded is None:
            raise
        made = case.state().latest(
            "readiness"
        )  # the last judgement: it can't be made anew without model and images
        if made is None:
            return [], [], []
    criteria = criteria_of(made)
    return (
        [str(c["name"]) for c in criteria if c["holds"] is False],
        [str(c["name"]) for c in criteria if c["holds"] is None],
        [str(row[0]) for t in made.tables if t.title == TABLE_UNRESOLVED for row in t.rows],
    )


def _not_judged_anew(case: Case) -> list[str]:
    """That a decision rests on an older judgement, where model and images were not at hand for another."""
    made = case.state().latest("readiness")
    if case.recorded is None or (made is not None and not since(case.state(), made)):
        return []
    was = f"The last judgement of readiness is {made.id}, and" if made else "Readiness was never judged, and"
    return [f"{was} model and images are not at hand for another."]


def sentence(one: SignOff) -> str:
    """``Ann (requester) signed it off as ready on 2026-11-28, although not all expectations hold: …``."""
    text = f"{clean(one.by, 120)} signed it off as {WORDS.get(one.decision, clean(one.decision, 40))} on {one.time[:10]}"
    text += f", the version {clean(one.version, 20)}" if one.version else ""
    if one.against:
        text += f", against the statistics: {one.against}"
        left = (*one.failing, *one.undecided)
        text += f" ({listing([clean(n, 60) for n in left], 4)})" if left and one.verdict != "ready" else ""
    text += (
        f", with {listing(list(one.unresolved), len(one.unresolved))} confirmed and not repaired"
        if one.unresolved
        else ""
    )
    text += f". Note: {clean(one.note, LONGEST).rstrip('.')}" if one.note else ""
    return text + "."


def stale_sentence(one: SignOff) -> str:
    """That a decision no longer rests on what is known; empty while it does."""
    if not one.stale:
        return ""
    return f"It is stale: since then came {listing([clean(s, 80) for s in one.since], 6)}."


def page(state: CaseState, events: Sequence[Event]) -> list[str]:
    """What somebody who decides should read first, line by line."""
    found, evidence = verdict(state)
    made = state.latest("readiness")
    lines = [
        f"readiness: {(found or 'not judged').replace('_', ' ')}" + (f" [{evidence}]" if evidence else "")
    ]
    lines += [clean(made.summary, 1200)] if made else ["Nobody has judged the expectations (readiness)."]
    if made and (late := since(state, made)):
        lines.append(f"{late}: judge it again (readiness).")
    if made:
        lines += [f"  - {clean(note, 400)}" for note in made.notes]
    reviewed = [e for e in state.evidence if e.tool == "review_errors" and e.arguments.get("by")]
    lines.append(
        clean(reviewed[-1].summary, 600)
        if reviewed
        else "Nobody has said which errors can be accepted (failsight reviews)."
    )
    if named := deciders(state):
        lines.append(f"Named as the one who decides: {listing(list(named), 4)}.")
    given = signoffs(events, state)
    lines += [
        " ".join(
            t
            for t in (sentence(o), stale_sentence(o), "Replaced by a later decision." if o.replaced else "")
            if t
        )
        for o in given
    ]
    if not given:
        lines.append("Nobody has signed it off.")
    return lines


_SAID = re.compile(
    r"^(?P<decision>ready|not[- ]ready|conditional(?:ly)?)\s+by\s+(?P<by>[^:]+?)\s*(?::\s*(?P<note>.*))?$",
    re.IGNORECASE | re.DOTALL,
)


def converse(case: Case, rest: str) -> str:
    """What ``/signoff`` does: without more the page, else ``ready by NAME: note``. Raises UserError for anything else."""
    if not rest.strip():
        return "\n".join(f"- {line.removeprefix('  - ')}" for line in page(case.state(), case.journal.events))
    found = _SAID.match(rest.strip())
    if found is None:
        raise UserError(
            "That is no decision.", "Write `/signoff ready by NAME: note`, or not-ready, or conditional."
        )
    decision = found["decision"].lower().replace(" ", "-").removesuffix("ly")
    return sentence(sign(case, found["by"], decision, found["note"] or ""))


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "--by",
        default="",
        metavar="NAME",
        help="who decides, and in which role; without it: what there is to decide on",
    )
    parser.add_argument(
        "--decision", choices=DECISIONS, help="default: what the statistics say, where they decide"
    )
    parser.add_argument("--note", default="", help="reasons; the conditions of a conditional decision")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Sign, or show what there is to sign."""
    from failsight.agent.opening import open_case, open_to_look

    if not (args.case / "journal.jsonl").is_file():
        raise UserError(
            f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` or `chat` made."
        )
    if args.decision and not args.by:
        raise UserError("A sign-off needs a name.", "Say who decides: --by 'NAME (ROLE)'.")
    with open_case(args.case, recorded=True) if args.by else open_to_look(args.case) as case:
        if args.by:
            made = sign(case, args.by, args.decision, args.note)
            told = [sentence(made), *_not_judged_anew(case)]
            named = deciders(case.state())
            if named and not any(_same(made.by, n) or n.casefold() in made.by.casefold() for n in named):
                told.append(f"Named as the one who decides was {listing(list(named), 4)}.")
        else:
            told = page(case.state(), case.journal.events)
        given = signoffs(case.journal.events, case.state())
    if args.json:
        print(json.dumps([as_json(o) for o in given], ensure_ascii=False))
    else:
        print("\n".join(told))
    return 0


def as_json(one: SignOff) -> dict[str, Any]:
    """A decision as ``findings.json`` lists it."""
    return {
        "by": one.by, "decision": one.decision, "note": one.note, "verdict": one.verdict or None, "against": bool(one.against),
        "stale": one.stale, "replaced": one.replaced, "basis": one.basis,
    }  # fmt: skip
