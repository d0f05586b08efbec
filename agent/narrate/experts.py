"""For domain experts: by what the model tells the classes apart, beside what they said should decide, and what to ask them."""

from __future__ import annotations

from failsight.agent.narrate.findings import counted, latest_on, per_class
from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.people import Answer, missing, said
from failsight.agent.narrate.phrases import PULLS
from failsight.agent.narrate.plain import confirmed, for_requesters, plain
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import capital, count, sentence, stated
from failsight.agent.state import FindingRecord
from failsight.tools.confusions import confusions as pairs_of
from failsight.tools.evidence import Table
from failsight.tools.text import clean

MOST_CLASSES = 40
MOST_CONFUSIONS = 10
GROUPS = ("rare_case", "weak_slice", "class_imbalance", "missing_feature", "distribution_shift")


def domain_expert(record: Record) -> tuple[Section, ...]:
    """Cues, groups, confusions, labels, and what only an expert can say."""
    made = (_cues(record), _groups(record), _confusions(record), _labels(record), _asked(record))
    return tuple(s for s in made if s is not None)


def _cues(record: Record) -> Section:
    """Class by class: what should decide, and what was shown to."""
    classes = [
        str(c) for c in ((record.state.config.get("data") or {}).get("data") or {}).get("classes") or ()
    ]
    pulls = [r for r in record.state.records.values() if r.finding.kind in PULLS]
    defining, forbidden = (said(record, "class_cues", name) for name in ("defining", "forbidden"))
    rows = []
    for name in classes[:MOST_CLASSES]:
        goes_by = [r for r in pulls if r.finding.verdict == "confirmed" and r.finding.class_name == name]
        not_by = [r for r in pulls if r.finding.verdict == "refuted" and r.finding.class_name == name]
        rows.append(
            (
                plain(name), _told(defining, name), _told(forbidden, name), _shown(goes_by), _shown(not_by),
            )
        )  # fmt: skip
    columns = (
        "class",
        "should decide",
        "must not matter",
        "was shown to pull towards it",
        "was tested and does not",
    )
    table = Table("By what it goes, class by class", columns, tuple(rows))
    points = [_pull(r) for r in confirmed(record.state) if r.finding.kind in PULLS]
    points += _against(forbidden, pulls)
    lead = Sentence(
        "What pulls the model towards a class was found by covering or adding things in pictures, or by comparing pictures with and without them."
        if points
        else "Nothing has been shown to pull the model towards a class."
    )
    return Section("view-cues", "By what it goes", (lead,), tuple(points), (table,) if rows else ())


def _pull(found: FindingRecord) -> Sentence:
    return Sentence(for_requesters(found.finding), (found.id, *found.evidence[:1]))


def _told(answers: list[Answer], class_name: str) -> str:
    return "; ".join(f"{clean(a.value, 200)} ({a.by})" for a in answers if a.row == clean(class_name, 120))


def _shown(found: list[FindingRecord]) -> str:
    return "; ".join(f"{_cue(r)} [{r.id}]" for r in found)


def _cue(found: FindingRecord) -> str:
    parts = (found.finding.slice or {}).items()
    named = [plain(k) if str(v).casefold() == "yes" else f"{plain(k)}: {plain(v)}" for k, v in parts]
    return ", ".join(named) or stated(found.finding.statement, 120)


def _against(forbidden: list[Answer], pulls: list[FindingRecord]) -> list[Sentence]:
    """Where a confirmed cue is one that an expert said must not matter."""
    made = []
    for answer in forbidden:
        text = str(answer.value).casefold()
        for found in pulls:
            f = found.finding
            named = [str(k).replace("_", " ").casefold() for k in (f.slice or {})]
            if (
                f.verdict == "confirmed"
                and clean(f.class_name or "", 120) == answer.row
                and any(n in text for n in named)
            ):
                made.append(
                    Sentence(
                        f"{answer.by} said that it must not matter for {plain(answer.row)}, and it does: {_cue(found)}.",
                        (found.id, f"#{answer.seq}"),
                    )
                )
    return made


def _groups(record: Record) -> Section:
    points = [
        Sentence(for_requesters(r.finding), (r.id, *r.evidence[:1]))
        for r in confirmed(record.state)
        if r.finding.kind in GROUPS
    ]
    lead = () if points else (Sentence("No group of pictures was shown to be harder than the rest."),)
    return Section("view-groups", "Which pictures it gets wrong", lead, tuple(points))


def confusions(record: Record) -> Table | None:
    """The most frequent confusions; None where nobody counted them."""
    evidence = counted(record.state)
    pairs = pairs_of(evidence)[:MOST_CONFUSIONS] if evidence else []
    rows = tuple(
        (plain(c.true), plain(c.predicted), c.images, c.images / c.of if c.of else None) for c in pairs
    )
    columns = ("is", "is taken for", "pictures", "of that class")
    return (
        Table("What is taken for what", columns, rows, ("text", "text", "count", "share")) if rows else None
    )


def _confusions(record: Record) -> Section | None:
    taken = confusions(record)
    evidence = counted(record.state)
    if taken is None or evidence is None:
        return None
    tables = [taken]
    evaluated = latest_on(record.state, "evaluate")
    if evaluated is not None:
        known = tuple(
            (plain(name), made["n"], made["recall"], made["precision"])
            for name, made in per_class(evaluated).items()
        )
        tables.append(
            Table(
                "How often each class is recognised", ("class", "pictures", "recognised", "right when said"), known[:MOST_CLASSES],
                ("text", "count", "share", "share"),
            )
        )  # fmt: skip
    text = "A confusion that an expert would make too is another matter than one that nobody would make."
    return Section(
        "view-confusions", "What it takes for what", (Sentence(text, (evidence.id,)),), (), tuple(tables)
    )


def _labels(record: Record) -> Section | None:
    evidence = latest_on(record.state, "label_noise")
    points = [
        Sentence(stated(r.finding.statement), (r.id, *r.evidence[:1]))
        for r in record.state.records.values()
        if r.finding.kind == "label_noise" and r.finding.verdict == "confirmed"
    ]
    if evidence is None and not points:
        return None
    lead = (Sentence(sentence(evidence.summary, 1200), (evidence.id,)),) if evidence else ()
    return Section("view-labels", "Labels in doubt", lead, tuple(points))


def _asked(record: Record) -> Section:
    """What only an expert can say."""
    points = missing(record)
    open_ = record.state.open()
    if open_:
        points.append(
            Sentence(
                f"{capital(count(len(open_), 'suspicion is', 'suspicions are'))} not tested yet; is any of them wrong on its face?",
                tuple(r.id for r in open_),
            )
        )
    if not any(e.tool == "review_errors" and e.arguments.get("by") for e in record.state.evidence):
        points.append(
            Sentence(
                "Nobody has judged single errors: which could a careful person make, which are harmless? (failsight reviews export)"
            )
        )
    if latest_on(record.state, "label_noise") is not None and not record.of("labels.imported"):
        points.append(Sentence("Nobody has looked at the labels in doubt (failsight labels export)."))
    lead = () if points else (Sentence("Everything that was to be asked was answered."),)
    return Section("view-asked", "What only you can say", lead, tuple(points))
