"""Errors for people to judge, what they said of them, and one image by itself, as evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from failsight.tools.attributes.proposal_report import labelled_sheet
from failsight.tools.evidence import Cell, Evidence, Fact, ImageRef, Table
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.what_if_images import Named
from failsight.tools.inputs.base import Predictions
from failsight.tools.notes import called, left_out_notes, of_split
from failsight.tools.reviews.errors import (
    Agreement,
    Estimate,
    Ints,
    Reviews,
    Said,
    Strata,
    agreement,
    of_all,
    share,
    strictest,
)
from failsight.tools.stats.floors import exact
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, counted, interval, listing, number
from failsight.tools.view import CaseView

SHEET = 40
SHOWN = 8
TOLD = "Reviewed errors"
HUMAN = "Could a careful person make this mistake?"


def path_of(view: CaseView, predictions: Predictions, position: int) -> str:
    """Path of the image at a position of the prediction table."""
    return view.table(predictions.split).paths[int(predictions.rows[position])]


def drawn(view: CaseView, predictions: Predictions, groups: Strata, chosen: Ints) -> Evidence:
    """The errors to look at. Neither label nor answer is shown: whoever judges should first say what it is."""
    split, table = predictions.split, view.table(predictions.split)
    rows = [int(predictions.rows[groups.at[i]]) for i in chosen.tolist()]
    refs = tuple(ImageRef(split, row, table.paths[row], caption=f"{i}") for i, row in enumerate(rows, 1))
    sheet = labelled_sheet(
        view, refs[:SHEET], [r.caption for r in refs[:SHEET]], name="errors_to_review", title="Errors to judge",
        alt=f"{len(refs[:SHEET])} misclassified {called(split)}, numbered; neither label nor answer is shown.",
    )  # fmt: skip
    counts = np.bincount(groups.codes[chosen], minlength=len(groups.names))
    sizes = np.bincount(groups.codes, minlength=len(groups.names))
    return Evidence(
        tool="review_errors",
        title="Errors for people to judge",
        summary=(
            f"{len(refs):,} of {len(groups.at):,} errors on the {called(split)} were drawn, from {len(groups.names)} groups of confusions. "
            f"For each: what would you call it, can the error be accepted (acceptable, unacceptable, label when the label is wrong, unsure)? {HUMAN}"
        ),
        facts=(
            Fact("errors", len(groups.at), "count", of_split(split), None, int(predictions.labelled.sum())),
            Fact("n", len(refs), "count", of_split(split)),
        ),
        tables=(
            Table("Errors to look at", ("number", "path"), tuple((i, r.path) for i, r in enumerate(refs, 1)), ("count", "text")),
            Table(
                "From which confusions", ("confusion", "errors", "drawn"),
                tuple((name, int(a), int(b)) for name, a, b in zip(groups.names, sizes, counts, strict=True)), ("text", "count", "count"),
            ),
        ),
        figures=(sheet,) if sheet else (),
        images=refs,
        notes=("Nothing was judged yet.", *left_out_notes(split, predictions.left_out)),
        next_steps=(
            "Fill in the sheet that `failsight reviews export CASE FILE.html` writes and give it back with `failsight reviews import`; "
            "better two people than one.",
        ),
    )  # fmt: skip


def judged(
    view: CaseView,
    predictions: Predictions,
    groups: Strata,
    chosen: Ints,
    said: Reviews,
    notes: Sequence[str],
) -> Evidence:
    """What people said of the errors that were drawn."""
    split = predictions.split
    place = {path_of(view, predictions, int(groups.at[i])): int(i) for i in chosen.tolist()}
    verdicts = {p: strictest(r[p].verdict for r in said.values() if p in r) for p in place}
    known = {p: v for p, v in verdicts.items() if v != "unsure"}
    bad = share(groups, {place[p]: v == "unacceptable" for p, v in known.items()})
    labels = share(groups, {place[p]: v == "label" for p, v in known.items()})
    people = share(groups, {place[p]: v for p, v in _human(said, place).items()})
    errors, images = len(groups.at), int(predictions.labelled.sum())
    agreed = agreement({who: {p: s for p, s in r.items() if p in place} for who, r in said.items()})
    each = {who: share(groups, {place[p]: s.verdict == "unacceptable" for p, s in r.items() if p in place and s.verdict != "unsure"}) for who, r in said.items()}  # fmt: skip
    shown = _worst(view, predictions, groups, place, verdicts)
    sheet = contact_sheet(view, shown, name="unacceptable_errors", title="Errors that can't be accepted",
                          alt=f"{len(shown)} errors that somebody called unacceptable, with label and answer.") if shown else None  # fmt: skip
    tables = (
        _table(predictions, groups, said, place), _disputes(said, agreed), _by_confusion(groups, known, place),
    )  # fmt: skip
    return Evidence(
        tool="review_errors",
        title="Which errors people can live with",
        summary=_summary(split, errors, len(known), bad, people, agreed, list(said)),
        facts=tuple(_facts(split, errors, images, bad, labels, people, each, agreed)),
        tables=tuple(t for t in tables if t.rows),
        figures=(sheet,) if sheet else (),
        images=shown,
        notes=(*notes, *_notes(verdicts, bad, said), *left_out_notes(split, predictions.left_out)),
        next_steps=_next_steps(bad, agreed, said),
    )


def _human(said: Reviews, place: Mapping[str, int]) -> dict[str, bool]:
    """Whether a careful person could make the mistake: where several answered, all have to say so."""
    made: dict[str, bool] = {}
    for answers in said.values():
        for path, one in answers.items():
            if path in place and one.human is not None:
                made[path] = made.get(path, True) and one.human
    return made


def _summary(
    split: str, errors: int, n: int, bad: Estimate, people: Estimate, agreed: Agreement | None, who: list[str]
) -> str:
    if not bad.rate.known:
        return f"Nobody has decided on any of the {errors:,} errors yet ({listing(who, 4)} looked)."
    text = (
        f"Of the {errors:,} errors on the {called(split)}, {number(bad.rate.value)} {interval(bad.rate.ci)} can't be accepted, weighted back from "
        f"{n:,} that {listing(who, 4)} judged."
    )
    if people.rate.known:
        text += f" {number(people.rate.value)} {interval(people.rate.ci)} are mistakes that a careful person could make too."
    if agreed is not None:
        text += f" People agree on {agreed.agreed:,} of {agreed.pairs:,} judgements of the same error."
    return text


def _facts(
    split: str, errors: int, images: int, bad: Estimate, labels: Estimate, people: Estimate,
    each: Mapping[str, Estimate], agreed: Agreement | None,
) -> list[Fact]:  # fmt: skip
    of = of_split(split)
    facts = [Fact("errors", errors, "count", of, None, images, "lower_is_better")]
    if bad.rate.known:
        value, ci = of_all(errors, images, bad.rate)
        facts += [
            Fact(
                "unacceptable_share", bad.rate.value, "share", of, bad.rate.ci, bad.rate.n, "lower_is_better"
            ),
            Fact("unacceptable_rate", value, "share", of, ci, bad.rate.n, "lower_is_better"),
            Fact("wrong_label_share", labels.rate.value, "share", of, labels.rate.ci, labels.rate.n),
        ]
    if people.rate.known:
        facts.append(Fact("human_error_share", people.rate.value, "share", of, people.rate.ci, people.rate.n))
    for who, one in each.items():
        if one.rate.known:
            about = of_split(split, f"by {clean(who, 80)}")
            facts.append(
                Fact(
                    "unacceptable_share",
                    one.rate.value,
                    "share",
                    about,
                    one.rate.ci,
                    one.rate.n,
                    "lower_is_better",
                )
            )
    if agreed is not None:
        ci = wilson(agreed.agreed, agreed.pairs)
        facts.append(
            Fact("agreement", agreed.agreed / agreed.pairs, "share", of, ci, agreed.pairs, "higher_is_better")
        )
        if math.isfinite(agreed.kappa):
            facts.append(Fact("kappa", agreed.kappa, "score", of, None, agreed.pairs, "higher_is_better"))
    return facts


def _words(said: Reviews, path: str) -> tuple[str, str, str]:
    """(verdicts, whether a person could err, reasons) of one error, each with who said it."""
    told = {who: r[path] for who, r in said.items() if path in r}
    human = {True: "yes", False: "no"}
    return (
        "; ".join(f"{clean(who, 40)}: {s.verdict}" for who, s in told.items()),
        "; ".join(f"{clean(who, 40)}: {human[s.human]}" for who, s in told.items() if s.human is not None),
        "; ".join(f"{clean(who, 40)}: {clean(s.why, 160)}" for who, s in told.items() if s.why),
    )


def _table(predictions: Predictions, groups: Strata, said: Reviews, place: Mapping[str, int]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    classes = predictions.classes
    for path, i in place.items():
        at = int(groups.at[i])
        words = _words(said, path)
        if words[0] or words[1]:
            rows.append(
                (path, classes[int(predictions.labels[at])], classes[int(predictions.predicted[at])], *words)
            )
    return Table(TOLD, ("path", "true class", "predicted class", "can it be accepted", "could a person err too", "why"), tuple(rows))  # fmt: skip


def _disputes(said: Reviews, agreed: Agreement | None) -> Table:
    rows = tuple((path, *_words(said, path)) for path in (agreed.disputed if agreed else ()))
    return Table(
        "Where people disagree", ("path", "can it be accepted", "could a person err too", "why"), rows
    )


def _by_confusion(groups: Strata, known: Mapping[str, str], place: Mapping[str, int]) -> Table:
    sizes = np.bincount(groups.codes, minlength=len(groups.names))
    rows: list[tuple[Cell, ...]] = []
    for code, name in enumerate(groups.names):
        here = [v for p, v in known.items() if groups.codes[place[p]] == code]
        k, n = sum(v == "unacceptable" for v in here), len(here)
        low, high = exact(k, n)
        rows.append((name, int(sizes[code]), n, k, k / n if n else None, low, high))
    return Table(
        "By confusion",
        ("confusion", "errors", "judged", "unacceptable", "share", "low", "high"),
        tuple(rows),
        ("text", "count", "count", "count", "share", "share", "share"),
        "Low and high: 95 % interval.",
    )


def _worst(
    view: CaseView,
    predictions: Predictions,
    groups: Strata,
    place: Mapping[str, int],
    verdicts: Mapping[str, str],
) -> tuple[ImageRef, ...]:
    at = [int(groups.at[place[p]]) for p, v in verdicts.items() if v == "unacceptable"]
    order = sorted(at, key=lambda i: -float(predictions.confidence[i]))[:SHOWN]
    return references(view, predictions, np.array(order, np.int64), "unacceptable")


def _notes(verdicts: Mapping[str, str], bad: Estimate, said: Reviews) -> list[str]:
    unsure = sum(v == "unsure" for v in verdicts.values())
    made = []
    if unsure:
        made.append(
            f"{unsure:,} of the {len(verdicts):,} errors that were drawn were left open or nobody was sure of them; they count for no share."
        )
    if bad.rate.known and bad.unseen:
        made.append(
            f"Nobody judged an error of {listing(list(bad.unseen), 4)}; the interval allows for anything there."
        )
    if len(said) > 1:
        made.append("Where people differ, an error counts as unacceptable when any of them says so.")
    return made


def _next_steps(bad: Estimate, agreed: Agreement | None, said: Reviews) -> tuple[str, ...]:
    steps = []
    if len(said) == 1:
        steps.append(
            "Have a second person judge the same errors: one person's judgement can't be told from the error itself."
        )
    if agreed is not None and agreed.disputed:
        steps.append(
            f"Let people talk about {counted(len(agreed.disputed), 'error on which', 'errors on which')} they differ: the labelling guideline may be what is missing."
        )
    if bad.rate.known:
        steps.append("Bound it, for example: unacceptable errors at most 10 %; readiness then judges it.")
    return tuple(steps)


def single(view: CaseView, named: Named, said: Reviews) -> Evidence:
    """One image beside its label, the model's scores and what people said of it."""
    predictions = view.predictions(named.split)
    found = np.flatnonzero(predictions.rows == named.row)
    label = view.classes[named.label] if named.label >= 0 else ""
    words = [f"{clean(who, 60)}: {_said(r[named.path])}" for who, r in said.items() if named.path in r]
    if not len(found):
        return Evidence(
            tool="review_errors", title="One image to judge", summary=f"{named.words} could not be scored.",
            notes=tuple(left_out_notes(named.split, predictions.left_out)),
        )  # fmt: skip
    at = int(found[0])
    images = references(view, predictions, np.array([at], np.int64))
    scores = predictions.scores[at].astype(float)
    order = np.argsort(-scores, kind="stable")[: min(5, len(scores))]
    rows = tuple((view.classes[i], float(scores[i])) for i in order.tolist())
    guess = view.classes[int(predictions.predicted[at])]
    outcome = (
        "has no label"
        if not label
        else "is answered right"
        if label == guess
        else f"is labelled {clean(label, 60)}"
    )
    sheet = contact_sheet(view, images, name="image_to_judge", title="The image", alt=f"{named.words}, with its label and the model's answer.")  # fmt: skip
    sure = f" ({number(float(scores[order[0]]))} sure)" if predictions.has_scores else ""
    return Evidence(
        tool="review_errors",
        title="One image to judge",
        summary=f"{named.words} {outcome}; the model says {clean(guess, 60)}{sure}. "
        + (f"People said: {'; '.join(words)}." if words else "Nobody has judged it yet; whether it is a mistake is for a person to say."),
        facts=(Fact("confidence", float(scores[order[0]]), "share", named.words),) if predictions.has_scores else (),
        tables=(Table("What the model says", ("class", "score"), rows, ("text", "share")),) if predictions.has_scores else (),
        figures=(sheet,) if sheet else (),
        images=images,
        next_steps=("Say what it shows before looking at label and answer; then `failsight reviews import` or the form error_acceptance keeps the judgement.",),
    )  # fmt: skip


def _said(one: Said) -> str:
    human = {True: ", a careful person could err too", False: ", no careful person would", None: ""}[
        one.human
    ]
    return f"{one.verdict}{human}" + (f" ({clean(one.why, 160)})" if one.why else "")
