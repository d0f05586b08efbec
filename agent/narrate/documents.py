"""Sections to paste into a repository: a model card (Mitchell et al., FAT* 2019) and a datasheet (Gebru et al., CACM 2021).

What was measured comes from the evidence, what only people know from their answers to forms; what nobody said is said to be
missing, with the form that asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from failsight.agent.narrate.coverage import unseen_splits
from failsight.agent.narrate.experts import confusions
from failsight.agent.narrate.findings import criteria, latest_on, per_class
from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.people import said
from failsight.agent.narrate.plain import confirmed, for_requesters
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.repairs import correction, done
from failsight.agent.narrate.words import SPLITS, bound, capital, count, criterion, kind_label, sentence
from failsight.agent.people.signoff import sentence as signed
from failsight.agent.people.signoff import signoffs
from failsight.tools.evidence import Evidence, Table
from failsight.tools.expectations.names import show_range
from failsight.tools.text import clean, condition

MOST_CLASSES = 60


def model_card(record: Record) -> tuple[Section, ...]:
    """The sections of a model card, in their usual order."""
    return (
        Section("details", "Model details", (), (*_model(record), *_told(record, "training_sheet"))),
        Section("use", "Intended use", (), _use(record)),
        Section("factors", "Factors", (), _factors(record)),
        _metrics(record),
        Section(
            "evaluation-data", "Evaluation data", (), (*_split(record, "data"), *_split(record, "deploy"))
        ),
        Section("training-data", "Training data", (), _split(record, "train")),
        _analyses(record),
        Section("ethics", "Ethical considerations", (), _ethics(record)),
        Section("caveats", "Caveats and recommendations", (), _caveats(record)),
    )


def datasheet(record: Record) -> tuple[Section, ...]:
    """The sections of a datasheet, for the images that the case looked at."""
    composition = [s for split in SPLITS for s in _split(record, split)]
    composition += _summaries(
        record, ("data_statistics", "duplicates_and_leakage", "label_noise", "data_checks", "shift")
    )
    found = [
        Sentence(f"{kind_label(r.finding.kind)}: {for_requesters(r.finding)}", (r.id, *r.evidence[:1]))
        for r in confirmed(record.state)
        if r.finding.kind in ("label_noise", "leakage", "class_imbalance", "rare_case", "distribution_shift")
    ]
    return (
        Section("motivation", "Motivation", (), (*_task(record), *_answers(record, "expectations", ("use",)))),
        Section("composition", "Composition", (), tuple(composition)),
        Section("collection", "Collection process", (), _asked(record, "data_sheet", ("source", "licence", "split"))),
        Section(
            "labelling", "Preprocessing, cleaning, labelling", (),
            _asked(record, "data_sheet", ("labelling", "left_out", "processing", "augmentation")),
        ),
        Section("uses", "Uses", (), _uses(record, found)),
        Section("distribution", "Distribution", (), _missing("who may have the images, and under which terms")),
        Section("maintenance", "Maintenance", (), (*_changes(record), *_missing("who keeps the images, and how errors are reported"))),
    )  # fmt: skip


def _missing(what: str, form: str = "") -> tuple[Sentence, ...]:
    ask = f" (failsight forms export {form})" if form else ""
    return (Sentence(f"Not said: {what}{ask}."),)


def _answers(record: Record, form: str, fields: Sequence[str]) -> list[Sentence]:
    """What people answered to questions of a form, attributed."""
    made = []
    for field in fields:
        for one in said(record, form, field):
            value = ", ".join(map(str, one.value)) if isinstance(one.value, list) else one.value
            row = f"{clean(one.row, 80)}: " if one.row else ""
            made.append(Sentence(f"{row}{sentence(value, 1200)} ({one.by})", (f"#{one.seq}",)))
    return made


def _asked(record: Record, form: str, fields: Sequence[str]) -> tuple[Sentence, ...]:
    """The same; what nobody answered is said to be missing."""
    made = _answers(record, form, fields)
    return tuple(made) or _missing(", ".join(f.replace("_", " ") for f in fields), form)


def _told(record: Record, form: str) -> tuple[Sentence, ...]:
    fields = ("architecture", "initial_weights", "loss", "optimiser", "regularisation", "stopping", "tried")
    made = _answers(record, form, fields)
    return tuple(made) or _missing("how it was made, by whom, under which licence", form)


def _model(record: Record) -> tuple[Sentence, ...]:
    given = record.state.config.get("model")
    if not given:
        return (Sentence("The model itself was not given; only its predictions were.", ("#1",)),)
    text = f"Format {clean(given.get('format') or 'unknown', 40)}, fingerprint {clean(given.get('fingerprint') or 'unknown', 80)[:16]}."
    made = [Sentence(text, ("#1",)), *_summaries(record, ("model_structure", "training_record"))]
    for version in record.state.versions.values():
        if version.arm == "repair":
            text = f"{clean(version.name, 20)} is a version of it, made by a repair ({version.strategy.replace('_', ' ')}), fingerprint {clean(version.fingerprint, 80)[:16]}."
            made.append(Sentence(text, _added(record, version.name)))
    return tuple(made)


def _added(record: Record, name: str) -> tuple[str, ...]:
    return tuple(
        f"#{e.seq}" for e in record.of("model.added") if (e.data.get("version") or {}).get("name") == name
    )


def _task(record: Record) -> tuple[Sentence, ...]:
    task = record.state.config.get("task")
    return (Sentence(sentence(task, 1200), ("#1",)),) if task else _missing("what it is for")


def _use(record: Record) -> tuple[Sentence, ...]:
    made = [*_task(record), *_answers(record, "expectations", ("use", "device"))]
    made += _answers(
        record, "deployment_conditions", ("who", "places", "light", "framing", "others", "never_seen")
    )
    classes = ((record.state.config.get("data") or {}).get("data") or {}).get("classes") or ()
    if classes:
        shown = ", ".join(clean(c, 60) for c in classes[:MOST_CLASSES])
        made.append(Sentence(f"It answers with one of {count(len(classes), 'class', 'classes')}: {shown}. Images of anything else get one of these too.", ("#1",)))  # fmt: skip
    if not record.of("form.answered"):
        made += _missing("out-of-scope uses, and the conditions of use", "deployment_conditions")
    return tuple(made)


def _factors(record: Record) -> tuple[Sentence, ...]:
    """Groups on which it was looked at, and those that people named."""
    made = _answers(record, "fairness_scope", ("groups", "column", "at_risk", "forbidden_cues"))
    if not made:
        made += _missing("for whom it must work equally well", "fairness_scope")
    names = dict.fromkeys(k for r in record.state.records.values() for k in (r.finding.slice or {}))
    if names:
        shown = ", ".join(clean(n, 60).replace("_", " ") for n in names)
        refs = tuple(r.id for r in record.state.records.values() if r.finding.slice)
        made.append(Sentence(f"Findings speak of groups by {shown}.", refs))
    return tuple(made)


def _metrics(record: Record) -> Section:
    evidence = record.state.latest("readiness")
    if evidence is None:
        points = tuple(
            Sentence(
                f"{capital(criterion(e.name))} {'at least' if e.at_least else 'at most'} {bound(e.name, e.bound)}."
            )
            for e in record.state.expectations.values()
        )
        return Section(
            "metrics", "Metrics", () if points else _missing("what it has to achieve", "expectations"), points
        )
    rows = tuple(
        (
            capital(criterion(str(c["name"]))), bound(str(c["name"]), c["bound"]), bound(str(c["name"]), c["value"]),
            show_range(str(c["name"]), (c["ci"][0], c["ci"][1]) if c["ci"] else None),
            {True: "yes", False: "no", None: "undecided"}[c["holds"]],
        )
        for c in criteria(evidence)
    )  # fmt: skip
    table = Table("What it has to achieve", ("criterion", "bound", "measured", "95 % interval", "met"), rows)
    return Section(
        "metrics",
        "Metrics",
        (Sentence(sentence(evidence.summary, 1200), (evidence.id,)),),
        (),
        (table,) if rows else (),
    )


def _split(record: Record, split: str) -> tuple[Sentence, ...]:
    given = (record.state.config.get("data") or {}).get(split)
    if not given:
        return (
            (Sentence(f"{capital(SPLITS[split])} were not given.", ("#1",)),)
            if split in ("data", "train", "deploy")
            else ()
        )
    text = f"{capital(SPLITS[split])}: "
    text += (
        count(given["n"], "image")
        if isinstance(given.get("n"), int)
        else "a number of images that is not known"
    )
    classes = given.get("classes") or ()
    text += f" of {count(len(classes), 'class', 'classes')}" if classes else ""
    return (
        Sentence(f"{text}, fingerprint {clean(given.get('fingerprint') or 'unknown', 80)[:16]}.", ("#1",)),
    )


def _summaries(record: Record, tools: Sequence[str]) -> list[Sentence]:
    made = (record.state.latest(tool) for tool in tools)
    return [Sentence(sentence(e.summary, 1200), (e.id,)) for e in made if isinstance(e, Evidence)]


def _analyses(record: Record) -> Section:
    """Overall, class by class, group by group, and the confusions."""
    lead, tables = [], []
    evaluated = latest_on(record.state, "evaluate")
    if evaluated is None:
        return Section("analyses", "Quantitative analyses", (Sentence("Nothing has been measured."),))
    lead.append(Sentence(sentence(evaluated.summary, 1200), (evaluated.id,)))
    known = tuple(
        (clean(n, 80), m["n"], m["recall"], m["precision"], m["f1"]) for n, m in per_class(evaluated).items()
    )
    if known:
        tables.append(Table("Class by class", ("class", "images", "recall", "precision", "F1"), known[:MOST_CLASSES], ("text", "count", "share", "share", "share")))  # fmt: skip
    groups = tuple(
        (
            r.id,
            capital(_group(r.finding.class_name, r.finding.slice)),
            r.finding.n,
            r.finding.error_rate,
            r.finding.base_error_rate,
        )
        for r in confirmed(record.state)
        if r.finding.error_rate is not None and (r.finding.slice or r.finding.class_name)
    )
    if groups:
        tables.append(Table("Groups on which it does worse, confirmed", ("finding", "group", "images", "rate", "to compare with"), groups, ("text", "text", "count", "share", "share")))  # fmt: skip
    taken = confusions(record)
    return Section(
        "analyses", "Quantitative analyses", tuple(lead), (), (*tables, *([taken] if taken else []))
    )


def _group(class_name: str | None, where: Mapping[str, str] | None) -> str:
    shared = " and ".join(condition(k, v) for k, v in sorted((where or {}).items()))
    return ", ".join(p for p in (clean(class_name or "", 60), shared) if p)


def _ethics(record: Record) -> tuple[Sentence, ...]:
    made = _answers(record, "expectations", ("harm", "grave_confusions"))
    made += _answers(record, "fairness_scope", ("at_risk", "consulted"))
    return tuple(made) or _missing("who is harmed by a wrong answer, and how", "expectations")


def _caveats(record: Record) -> tuple[Sentence, ...]:
    made = []
    for found in confirmed(record.state):
        made.append(
            Sentence(
                f"{kind_label(found.finding.kind)}: {for_requesters(found.finding)}",
                (found.id, *found.evidence[:1]),
            )
        )
        made += [correction(record, c, found) for c in found.corrections if done(record, found, c)]
    made += unseen_splits(record)
    made += [
        Sentence(signed(one), tuple(r for r in (f"#{one.seq}", one.evidence) if r))
        for one in signoffs(record.events, record.state)
        if not one.replaced
    ]
    if not made:
        made.append(Sentence("No weakness is confirmed; that is no proof that there is none."))
    return tuple(made)


def _uses(record: Record, found: Sequence[Sentence]) -> tuple[Sentence, ...]:
    known = _answers(record, "data_sheet", ("known_bias",))
    made = [*known, *found]
    return tuple(made) or _missing("known biases and gaps", "data_sheet")


def _changes(record: Record) -> tuple[Sentence, ...]:
    """Labels that were corrected, attributes that were edited."""
    made = [
        Sentence(
            f"{count(len(event.data.get('verdicts') or {}), 'label')} of {SPLITS.get(str(event.data.get('split')), 'the images')} "
            "came back from people who looked at them again.",
            (f"#{event.seq}",),
        )
        for event in record.of("labels.imported")
    ]
    return tuple(made)
