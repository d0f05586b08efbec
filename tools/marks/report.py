"""How ``find_marks`` tells what it found: sentences, facts, a table, and a contact sheet for each confirmed mark."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failsight.tools.evidence import Fact, Figure, ImageRef, Table
from failsight.tools.experiments import figures
from failsight.tools.experiments.patches import as_mask
from failsight.tools.inputs.base import Split
from failsight.tools.inputs.decisions import answers
from failsight.tools.marks.search import Fate
from failsight.tools.marks.testing import Subject, Tested, rate
from failsight.tools.marks.trials import pasted
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import bounds, clean, counted, interval, listing, number, p_value
from failsight.tools.view import CaseView

SHOWN = 5
LISTED, PICTURED = 24, 8  # proposals in the table, and with a picture


def summary(tested: Sequence[Tested], known: Sequence[Subject], looked: int) -> str:
    """One to three sentences. ``known``: marks that the case has a finding about already, by the name of an attribute."""
    told = " ".join([_tested(tested, known, looked), *(_known(one) for one in known)])
    return told.strip()


def _known(one: Subject) -> str:
    name = ", ".join(f"{clean(k, 60)}={clean(v, 60)}" for k, v in one.slice.items())
    return f"{one.look.told[:1].upper()}{one.look.told[1:]} ({clean(one.class_name, 60)}) is part of {name}, which {one.stated} is about already."


def _tested(tested: Sequence[Tested], known: Sequence[Subject], looked: int) -> str:
    confirmed = [one for one in tested if one.confirmed]
    if confirmed:
        return " ".join(_told(one) for one in confirmed)
    if not tested and known:
        return ""
    if not tested:
        if not looked:
            return (
                "No mark was found: nothing recurs nearly alike in pictures of one class more than in others."
            )
        things = "one thing that seemed" if looked == 1 else f"{looked} things that seemed"
        return (
            f"No mark was found: of {things} to recur nearly alike in pictures of one class more than in others, none does so in enough of them "
            "and draws pictures of others to the class where it is pasted in. The table says what each was and why it was not tested."
        )
    names = listing([f"{one.subject.look.name} ({clean(one.subject.class_name, 40)})" for one in tested])
    return f"No mark is confirmed as a shortcut. Tested: {names}; {looked} proposals were looked at."


def _told(one: Tested) -> str:
    added = one.added
    assert added is not None
    name = clean(one.subject.class_name, 60)
    text = (
        f"The model takes {one.subject.look.told}, for a sign of {name}: pasted into pictures of other classes it brings "
        f"{rate(added.to, added.n)} to {name}, a piece of the same shape {rate(added.control, added.n)}: "
        f"{number(added.effect, 'points')} more {bounds(added.ci, 'points')}."
    )
    covered = one.covered
    if covered is not None:
        text += (
            f" Covered in {counted(covered.n, 'picture that is', 'pictures that are')} taken for {name}, it costs the class {number(covered.effect, 'points')} "
            f"{bounds(covered.ci, 'points')} more than a cover elsewhere."
        )
    return text


def facts(tested: Sequence[Tested], known: Sequence[Subject], looked: int) -> tuple[Fact, ...]:
    """Counts, and what was measured of each mark."""
    made = [
        Fact("proposals", looked, "count"),
        Fact("marks_tested", len(tested), "count"),
        Fact("marks_known", len(known), "count"),
        Fact("marks_confirmed", sum(t.confirmed for t in tested), "count", direction="lower_is_better"),
    ]
    for one in tested:
        of, added = f"mark {one.number}, class {one.subject.class_name}", one.added
        made.append(Fact("mark", one.subject.look.told, "text", of))
        if added is not None:
            made += [
                Fact("effect", added.effect, "points", of, added.ci, added.n, "lower_is_better"),
                _share("share_drawn", added.to, added.n, of),
                _share("control_share_drawn", added.control, added.n, of),
            ]
        if one.covered is not None:
            made.append(
                Fact("covering_effect", one.covered.effect, "points", of, one.covered.ci, one.covered.n)
            )
        made.append(Fact("mark_area", one.subject.look.area, "share", of))
    return tuple(made)


def _share(name: str, k: int, n: int, of: str) -> Fact:
    return Fact(name, k / n, "share", of, wilson(k, n), n, "lower_is_better")


def tables(tested: Sequence[Tested]) -> tuple[Table, ...]:
    """What was tested, confirmed or not."""
    if not tested:
        return ()
    rows = []
    for one in tested:
        a = one.added
        rows.append(
            (
                one.subject.look.told,
                clean(one.subject.class_name, 60),
                rate(*one.subject.seen.inside),
                rate(*one.subject.seen.outside),
                None if a is None else a.effect,
                "" if a is None else interval(a.ci, "points"),
                p_value(one.q),
                None if one.covered is None else one.covered.effect,
                one.judgement.verdict,
            )
        )
    return (
        Table(
            "Marks that were tested",
            (
                "mark",
                "class",
                "in pictures taken for it",
                "in others",
                "adding",
                "interval",
                "q",
                "covering",
                "verdict",
            ),
            tuple(rows),
            ("text", "text", "text", "text", "points", "text", "text", "points", "text"),
            "Adding: share of other classes' pictures that go to the class with the mark minus with its control. Covering: fall of the "
            "class's probability beyond that of a cover elsewhere. q: Benjamini–Hochberg over the marks tested.",
        ),
    )


HOW = {"place": "one place", "colour": "one colour", "repeat": "a patch that repeats"}


def proposed(view: CaseView, fates: Sequence[Fate]) -> tuple[Table, ...]:
    """Everything that was proposed, and why what was not tested fell out."""
    if not fates:
        return ()
    rows = tuple(
        (
            f.proposal.spec,
            clean(view.classes[f.proposal.target], 60),
            HOW[f.proposal.how],
            "" if f.inside is None else rate(*f.inside),
            "" if f.outside is None else rate(*f.outside),
            f.rise,
            f.out or "tested",
        )
        for f in fates[:LISTED]
    )
    more = f" {len(fates) - LISTED} more are left out here." if len(fates) > LISTED else ""
    return (
        Table(
            "What was proposed as a mark",
            (
                "place",
                "class",
                "proposed for",
                "in pictures of the class",
                "in others",
                "first try",
                "outcome",
            ),
            rows,
            ("text", "text", "text", "text", "text", "points", "text"),
            "Place: the picture that it was seen in and where, as a region or cue of other tools. Shares: of the pictures looked at in the split "
            "that it was seen in. First try: rise of the class's score where it is pasted in, beyond its control."
            + more,
        ),
    )


def seen_in(view: CaseView, fates: Sequence[Fate]) -> list[ImageRef]:
    """The pictures in which those proposals were seen that were not tested."""
    made: list[ImageRef] = []
    for f in [f for f in fates if f.out][:PICTURED]:
        split, row = f.proposal.split, f.proposal.row
        table = view.table(split)
        label = int(table.labels[row])
        said, confidence = _answer(view, split, row)
        made.append(
            ImageRef(
                split,
                row,
                table.paths[row],
                view.classes[label] if label >= 0 else "",
                said,
                confidence,
                f"proposed as a mark of {clean(view.classes[f.proposal.target], 40)}: {f.proposal.spec}",
            )
        )
    return made


def _answer(view: CaseView, split: Split, row: int) -> tuple[str, float | None]:
    """What the model says of an evaluation picture; nothing of others, whose answers the search does not need."""
    made = view.predictions("data") if split == "data" else None
    if made is None or row not in made.rows:
        return "", None
    at = int(np.flatnonzero(made.rows == row)[0])
    return view.classes[int(made.predicted[at])], float(made.confidence[at])


def sheet(view: CaseView, one: Tested) -> Figure | None:
    """Pictures that show the mark, with it outlined; then pictures as they are, with the mark, with its control."""
    height, width = view.model().preprocessing.size
    top = []
    for donor in one.subject.candidate.donors[:SHOWN]:
        ys, xs = np.nonzero(as_mask(donor.mark, height, width))
        box = (int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1)
        top.append(figures.Tile(figures.outlined(donor.pixels, [box]), ("shows it",)))
    lines: list[list[figures.Tile]] = [[], [], []]  # as they are, with the mark, with its control
    bench, donors = one.subject.candidate.bench, one.subject.candidate.donors
    for k, row in enumerate(
        one.subject.seen.rows[~one.subject.seen.has & ~one.subject.seen.said][:SHOWN].tolist()
    ):
        found = bench.pictures["data"].get(row)
        pair = None
        if found is not None:
            pair = pasted(found[0], donors[k % len(donors)], np.random.default_rng([view.seed, row]))
        if found is None or pair is None:
            continue
        scores = view.model().scores(np.stack([found[0], *pair]))
        said = [clean(view.classes[int(i)], 24) for i in answers(view, scores)]
        for line, picture, word in zip(lines, (found[0], *pair), said, strict=True):
            line.append(figures.Tile(picture, (word,)))
    name = clean(one.subject.class_name, 60)
    return view.save_figure(
        f"mark_{one.number}",
        figures.sheet([row for row in (top, *lines) if row]),
        title=f"The {one.subject.look.name} and {name}",
        alt=f"Pictures that show {one.subject.look.told}; below, pictures of other classes as they are, with the mark pasted in and with a "
        "control piece pasted in, each with the model's answer.",
        caption="First row: where it was seen. Then, in columns: a picture as it is, with the mark, with its control; the model's answer below.",
    )


def images(view: CaseView, one: Tested) -> list[ImageRef]:
    """Evaluation pictures that show the mark."""
    made, table, answers = [], view.table("data"), view.predictions("data")
    place = {int(r): i for i, r in enumerate(answers.rows.tolist())}
    for row in one.subject.seen.rows[one.subject.seen.has][: 2 * SHOWN].tolist():
        i, label = place[row], int(table.labels[row])
        made.append(
            ImageRef(
                "data",
                row,
                table.paths[row],
                view.classes[label] if label >= 0 else "",
                view.classes[int(answers.predicted[i])],
                float(answers.confidence[i]),
                f"shows the {one.subject.look.name}",
            )
        )
    return made


def notes(tested: Sequence[Tested], known: Sequence[Subject]) -> list[str]:
    """What a reader should know."""
    made = [
        "A mark is what recurs nearly alike, pixel by pixel; a thing of the class seen from many sides is none and is not found here."
    ]
    if known:
        made.append(
            "What the case has a finding about already is not tested here: that finding's own experiment decides."
        )
    for one in tested:
        if not one.confirmed:
            made.append(
                f"{one.subject.look.told[:1].upper()}{one.subject.look.told[1:]} ({clean(one.subject.class_name, 60)}): {one.judgement.verdict}. {one.judgement.reason}"
            )
        elif one.subject.attribute:
            made.append(
                f"What {listing(list(one.subject.slice))} records is the same as the {one.subject.look.name}."
            )
    return made


def next_steps(
    confirmed: Sequence[Tested], known: Sequence[Subject], fallen: Sequence[Fate], classes: Sequence[str]
) -> tuple[str, ...]:
    """What a careful person would do next. ``fallen``: proposals that were not tested."""
    if not confirmed:
        steps = [f"Test {one.stated} (test_by_masking)." for one in known[:1]]
        if fallen:
            one_of = fallen[0].proposal
            steps.append(
                "One of the proposals that looks like a mark can be tested by itself, such as test_by_adding "
                f"cue={one_of.spec} class_name={clean(classes[one_of.target], 60)}."
            )
        return tuple(steps)
    one = confirmed[0]
    name = clean(one.subject.class_name, 60)
    return (
        f"Decide whether the {one.subject.look.name} is part of what makes {name} {name}; if not, ask how it came into the pictures.",
        "Match repairs to it (propose_correction), or retrain with it covered and pasted elsewhere (retrain).",
        f"Test it with other pictures or fills: test_by_masking region={one.subject.candidate.bench.spec}.",
    )
