"""What was not examined: tools that never ran, images never looked at, questions without an answer, tests never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from failsight.agent.declined import declined
from failsight.agent.narrate.bank import question_titles, tool_specs
from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import SPLITS, capital, sentence, stated
from failsight.tools import belonging
from failsight.tools.evidence import Evidence, Table
from failsight.tools.text import clean, listing

MOST_TITLES = 2
MOST_LABELS = 6


def not_examined(record: Record) -> Section:
    """The section about everything that nobody looked at."""
    points = [
        *unseen_splits(record),
        *_training_labels(record),
        *_together(record),
        *_open(record),
        *_declined(record),
        *_unrun_plans(record),
        *_failed(record),
    ]
    tables = [t for t in (_tools(record), _questions(record)) if t is not None]
    lead = Sentence(
        "What a report leaves out matters as much as what it says. This is what nobody looked at."
    )
    return Section("not-examined", "What was not examined", (lead,), tuple(points), tuple(tables))


def unseen_splits(record: Record) -> list[Sentence]:
    """Splits that were not given, or given and never measured, and images whose label is no class of the model."""
    given: Mapping[str, Any] = record.state.config.get("data") or {}
    made = [s for split, about in given.items() if (s := _unmatched(record, split, about)) is not None]
    for split in SPLITS:
        if split not in given:
            if split in ("train", "deploy"):
                without = (
                    "so causes in training stay undetermined"
                    if split == "train"
                    else "so nothing says how it does in use"
                )
                made.append(Sentence(f"{capital(SPLITS[split])} were not given, {without}.", ("#1",)))
            continue
        used = [e.id for e in record.state.evidence if _looks_at(e.arguments, split) or _mentions(e, split)]
        if not used:
            made.append(Sentence(f"{capital(SPLITS[split])} were given, but nothing measured them.", ("#1",)))
        elif split == "deploy" and not any(_accuracy_on(e, split) for e in record.state.evidence):
            text = "How often it is right on the deployment images is not known: they have no labels, or nobody asked."
            made.append(Sentence(text, tuple(used[-1:])))
    return made


def _unmatched(record: Record, split: str, about: Mapping[str, Any]) -> Sentence | None:
    """Images of ``split`` that nothing was measured on because the model has no class for their label."""
    labels, n = about.get("unmatched") or {}, about.get("unmatched_images") or 0
    if not labels or not n:
        return None
    ranked = sorted(labels.items(), key=lambda one: (-one[1], one[0]))
    named = [f"{clean(label, 60)} ({images:,})" for label, images in ranked]
    told = listing(
        named[:MOST_LABELS] + ([f"{len(named) - MOST_LABELS:,} more"] if len(named) > MOST_LABELS else []), 8
    )
    text = (
        f"{n:,} of {SPLITS.get(split, split)} were left out ({int(about.get('n') or 0):,} are used), because their label is no class of the "
        f"model: {told}. What is said here holds for the others alone. If it is a class of the model under another name, a new case with "
        "--map LABEL=CLASS takes them in."
    )
    described = record.state.latest("describe_case")
    return Sentence(text, (described.id,) if described is not None else ("#1",))


def _together(record: Record) -> list[Sentence]:
    """Images that may belong together and count as independent, where nobody said so; findings tested before somebody did."""
    state = record.state
    if state.groups:
        records = [(r.id, r.finding) for r in state.now()]
        told = belonging.counted_alone(records, state.measured_now(), state.groups)
        return [Sentence(text, (i,)) for i, text in told.items()]
    described = state.latest("describe_case") if state.groups is None else None
    facts = [f for f in described.facts if f.name == belonging.UNSAID] if described is not None else []
    return [
        Sentence(
            f"Whether images with the same {clean(f.of, 40)} belong together was not said: {f.n:,} images have {int(f.value or 0):,} values of "
            "it. They were counted as independent, so that intervals may be too narrow and tests too sure. To count them together: "
            f"failsight run CASE --groups {clean(f.of, 40)}",
            (described.id,),
        )
        for f in facts
        if described is not None and f.n is not None
    ]


def _training_labels(record: Record) -> list[Sentence]:
    """That nobody checked the labels that the model learnt from, where there are some; and how that is done.

    No workflow does it by itself: hardly any label that a model learnt by heart disagrees with it, so that the check mostly stays
    undecided, and every training picture has to be measured for it.
    """
    given, model = record.state.config.get("data") or {}, record.state.config.get("model")
    looked = any(
        e.tool == "label_noise" and e.arguments.get("split") == "train" for e in record.state.evidence
    )
    if "train" not in given or not model or looked:
        return []
    text = (
        "Whether the labels of the training images are right was not checked: `failsight call CASE label_noise split=train` does, as far as "
        "the model has not learnt them by heart."
    )
    return [Sentence(text, ("#1",))]


def _looks_at(arguments: Mapping[str, Any], split: str) -> bool:
    named = {v for v in arguments.values() if isinstance(v, str) and v in SPLITS}
    return split in named if named else split == "data"


def _mentions(evidence: Evidence, split: str) -> bool:
    """Whether facts speak of a split: ``split deploy``, ``split deploy, class kitchen`` or ``data to deploy``."""
    return any(f.of.startswith(f"split {split}") or split in f.of.split(" to ") for f in evidence.facts)


def _accuracy_on(evidence: Evidence, split: str) -> bool:
    return any(f.name == "accuracy" and f.of == f"split {split}" for f in evidence.facts)


def _open(record: Record) -> list[Sentence]:
    made = []
    refused = {str(d.arguments.get("finding") or "").upper(): d for d in declined(record.state)}
    for r in record.state.open():
        no = refused.get(r.id)
        why = f" (a person said no to {clean(no.tool, 60)})" if no is not None else ""
        refs = (*r.evidence[:1], r.id, *([f"#{no.seq}"] if no is not None else []))
        text = f"The hypothesis {r.id} was stated but not tested{why}: {stated(r.finding.statement)}"
        made.append(Sentence(text, refs))
    return made + [
        Sentence(
            f"The hypothesis {r.id} was taken back before it was tested: {stated(r.finding.statement)}",
            (*r.evidence[:1], r.id),
        )
        for r in record.state.records.values()
        if r.standing == "withdrawn"
    ]


def _declined(record: Record) -> list[Sentence]:
    """Calls that a person said no to, but for those that an open hypothesis tells already."""
    open_ = {r.id for r in record.state.open()}
    made = []
    for call in declined(record.state):
        about = str(call.arguments.get("finding") or "").upper()
        if about not in open_:
            of = f" of {clean(about, 20)}" if about else ""
            made.append(
                Sentence(
                    f"{clean(call.tool, 60)}{of} was declined by a person, and not run since.",
                    (f"#{call.seq}",),
                )
            )
    return made


def _unrun_plans(record: Record) -> list[Sentence]:
    made = []
    ran = {
        record.plan(r.finding, t)[0].id  # type: ignore[index]
        for r in record.state.records.values()
        for t in r.finding.tests
        if record.plan(r.finding, t)
    }
    for name, (plan, seq) in record.state.instruments.items():
        # a null result need not be a finding, nor the verdict on a repair: the call that made the plan told it
        told = any(c.tool == plan.tool and c.evidence and c.seq < seq < (c.done or 0) for c in record.calls)
        if name not in ran and not told and not record.tested_since(plan, seq):
            made.append(
                Sentence(
                    f"A test was planned and no result stands in the journal: {stated(plan.statement)}",
                    (f"#{seq}",),
                )
            )
    return made


def _failed(record: Record) -> list[Sentence]:
    made = []
    for call in record.calls:
        if call.failed:
            made.append(
                Sentence(
                    f"{clean(call.tool)} was tried and could not do it: {sentence(call.failed)}",
                    (f"#{call.done}",),
                )
            )
        elif call.done is None and not any(c.tool == call.tool and c.seq > call.seq for c in record.calls):
            made.append(Sentence(f"{clean(call.tool)} was begun and never finished.", (f"#{call.seq}",)))
    return made


def _tools(record: Record) -> Table | None:
    """Installed tools that never ran in this case, with what each would have shown."""
    ran = {e.tool for e in record.state.evidence}
    rows = tuple((s.name, clean(s.description, 240)) for s in tool_specs().values() if s.name not in ran)
    return Table("Tools that did not run", ("tool", "what it would show"), rows) if rows else None


def _questions(record: Record) -> Table | None:
    """Questions of the failure-handling bank (Balayn et al. 2023, Table 4), topic by topic: answered and open ones."""
    topics: dict[str, list[str]] = {}
    for question in question_titles():
        topics.setdefault(question.rpartition(".")[0], []).append(question)
    rows = []
    for topic, asked in topics.items():
        left = [question_titles()[q] for q in asked if q not in record.state.answered]
        if left:
            titles = " ".join(clean(title, 95) for title in left[:MOST_TITLES])
            rows.append((topic.replace("_", " "), f"{len(asked) - len(left)} of {len(asked)}", titles))
    if not rows:
        return None
    caption = "Questions that practitioners ask when a model fails (Balayn et al., CHI 2023, Table 4)."
    return Table(
        "Questions without an answer",
        ("topic", "answered", "still open, for example"),
        tuple(rows),
        caption=caption,
    )
