"""From a pull towards a class to a finding: what is suspected, whether training ties it, which slices are part of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from failsight.tools.evidence import Finding, TestResult
from failsight.tools.notes import IMAGES
from failsight.tools.slices import how_taken
from failsight.tools.slices.causes import tied
from failsight.tools.slices.findings import CONFUSED, TOOL, YES, Found, together
from failsight.tools.slices.pulls import FEW, Compared, Suspicion
from failsight.tools.slices.search import Search, errors_of
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.verdicts import EXPERIMENTS
from failsight.tools.view import CaseView

PULLS = ("spurious_correlation", "overemphasised_feature")


def suspicion_finding(view: CaseView, found: Search, one: Suspicion, tie: Compared | None) -> Finding:
    """The hypothesis that the model takes an attribute for a sign of a class.

    Where the attribute is a boxed object and there is a model to run, an experiment can decide: the finding stays
    open. Otherwise this association is the test.
    """
    coded, pulled = found.attributes[one.attribute], found.classes[one.found.predicted]
    value = coded.values[one.found.value]
    test = TestResult(
        tool=TOOL,
        effect=one.found.wrong,
        ci=one.found.wrong_ci,
        p=one.found.p,
        n=one.n + one.n_out,
        verdict="confirmed",
        statistic=f"share of {whose(found)} images called this class, with the value minus without, within true classes "
        f"(Cochran–Mantel–Haenszel){together(found)}",
        q=one.q,
    )
    testable = maskable(view, found, one)
    return Finding(
        kind="spurious_correlation",
        failure="features",
        bug="data_statistics",
        statement=f"{claim(view, found, one)}: of {looked_at(found)}, "
        f"{number(one.rate)} with it are called {clean(pulled, 40)}, and {number(one.rate_out)} without "
        f"({number(one.found.wrong, 'points')} {interval(one.found.wrong_ci, 'points')} within true classes, p {p_value(one.found.p)})."
        f"{shown_only(found, one)}",
        slice={coded.name: value},
        class_name=pulled,
        n=one.n,
        error_rate=one.rate,
        base_error_rate=one.rate_out,
        part=1.0 if coded.learned is None else float(found.confirmation.mean()),
        ci=wilson(round(one.rate * one.n), one.n),
        p=one.found.p,
        q=one.q,
        verdict=None if testable else "confirmed",
        tests=() if testable else (test,),
        note=" ".join([*_directions(found, one, testable), *_tied(found, one, tie)]),
        about=_only(found),
        split=found.split,
    )


def looked_at(found: Search) -> str:
    """The images that a pull is told of: those of all other classes, or of the one class that was searched."""
    within, images = found.prepared.within, IMAGES[found.split].lower()
    return (
        f"the {images} of other classes"
        if within is None
        else f"the {clean(found.classes[within], 40)} {images}"
    )


def shown_only(found: Search, one: Suspicion) -> str:
    """Sentences that a pull is shown for images of some classes, or with another value, alone, with what is seen in the others; empty where it is
    shown there too."""
    return f"{_classes_only(found, one)}{_with_only(found, one)}"


def _with_only(found: Search, one: Suspicion) -> str:
    if one.needs is None:
        return ""
    coded, left = found.attributes[one.needs.attribute], one.needs.outside
    other = f"{clean(coded.name, 40)}={clean(coded.values[one.needs.value], 60)}"
    whose = (
        f"{listing([clean(found.classes[v.true], 40) for v in one.hit], 4)} images " if one.elsewhere else ""
    )
    return (
        f" It takes both: without {other}, {number(left.rate)} of {whose or 'them '}with it and {number(left.rate_out)} without are called that "
        f"({interval(left.ci, 'points')} within true classes)."
    )


def _classes_only(found: Search, one: Suspicion) -> str:
    left = one.elsewhere
    if left is None:
        return ""
    names = listing([clean(found.classes[v.true], 40) for v in one.hit], 4)
    if not math.isfinite(left.ci[0]):
        return f" It is shown for images of {names} only: no other class has images with it and without."
    return (
        f" It is shown for images of {names} only: without these, {number(left.rate)} with it and {number(left.rate_out)} without "
        f"({interval(left.ci, 'points')} within true classes)."
    )


def whose(found: Search) -> str:
    """The same before the word images: ``other classes'``, or the class that was searched."""
    within = found.prepared.within
    return "other classes'" if within is None else clean(found.classes[within], 40)


def _only(found: Search) -> str:
    """What sets a finding about one class's images apart from that about all; empty for all."""
    within = found.prepared.within
    return "" if within is None else f"within {found.classes[within]}"


def _directions(found: Search, one: Suspicion, testable: bool) -> list[str]:
    """What kind of association it is: how strong, from which classes, and whether the class is missed without it."""
    pulled = clean(found.classes[one.found.predicted], 40)
    said = [
        "An association; whether the object itself is what the model sees is for a masking test to decide."
        if testable
        else "An association within true classes; no experiment was made.",
        f"Cramér's V {one.v:.2f} [{one.v_ci[0]:.2f}, {one.v_ci[1]:.2f}].",
    ]
    hit = one.hit
    if hit:
        names = "; ".join(f"{clean(found.classes[v.true], 40)} ({interval(v.ci, 'points')})" for v in hit[:4])
        more = f"; and {len(hit) - 4} more" if len(hit) > 4 else ""
        said.append(f"Pulled from {names}{more}.")
    m = one.missed
    figures = (
        f"{number(m.rate)} are missed without it, {number(m.rate_out)} with it ({interval(m.ci, 'points')})"
    )
    said.append(
        {
            "yes": f"The other way too: of {pulled} images {figures}.",
            "no": f"Not the other way: of {pulled} images {figures}.",
            "undetermined": f"Whether {pulled} images are missed without it is undetermined"
            + (f": {figures}." if m.enough else ": too few images."),
        }[m.says(found.report.min_effect)]
    )
    return said


def _tied(found: Search, one: Suspicion, tie: Compared | None) -> list[str]:
    if tie is None or tied(tie) == "no":
        return []
    to = clean(found.classes[one.found.predicted], 40)
    if tied(tie) == "yes":
        return [f"Training ties it to {to} ({_shares(found, one, tie)})."]
    return [f"Whether training ties it to {to} is undetermined ({_shares(found, one, tie)})."]


def accounts_for(one: Suspicion, found: Found) -> bool:
    """Whether a slice is the pull seen from its errors.

    Either images with the value (whatever else the slice asks for) are called the class that it pulls towards, or images
    of that class without the value are not recognised.
    """
    if has_value(one, found):
        return found.errors.into == one.found.predicted and found.errors.into_share >= CONFUSED
    return found.class_index == one.found.predicted and any(a == one.attribute for a, *_ in found.spans)


def has_value(one: Suspicion, found: Found) -> bool:
    """Whether a slice holds images with the pull's value."""
    return any(a == one.attribute and low <= one.found.value <= high for a, low, high in found.spans)


def rests_on(found: Search, one: Suspicion, slice_: Found) -> bool:
    """Whether a slice's errors go to the class that a value pulls to, and less than half of their excess is left without the images
    that have the value: the slice may hold more of these, or be one of the value's looks."""
    e = slice_.errors
    if e.into != one.found.predicted or e.into_share < CONFUSED:
        return False
    without = found.attributes[one.attribute].codes != one.found.value
    left = errors_of(found, slice_.inside & without, slice_.rest & without)
    return left.n < FEW or left.rate - left.rate_out < (e.rate - e.rate_out) / 2


def tells_how_taken(view: CaseView, found: Search, one: Suspicion) -> bool:
    """Whether an attribute is recorded about the taking of pictures (site, agency, season, any number …) and not seen in them: then no sign is told
    of it, unless an experiment has confirmed one."""
    coded = found.attributes[one.attribute]
    boxes = view.table(found.split).boxes
    seen = {name for row in boxes or () for name in row}
    value = coded.values[one.found.value]
    return (
        coded.source == "metadata"
        and how_taken.tells_how_taken(coded.name, coded.values, value, seen, coded.edges is not None)
        and not _experiment_confirmed(view, {coded.name: value}, found.classes[one.found.predicted])
    )


def _experiment_confirmed(view: CaseView, slice_: dict[str, str], pulled: str) -> bool:
    return any(
        f.kind in PULLS and f.class_name == pulled and dict(f.slice or {}) == slice_
        for _, f in view.findings()
        if any(t.tool in EXPERIMENTS and t.verdict == "confirmed" for t in f.tests)
    )


def claim(view: CaseView, found: Search, one: Suspicion) -> str:
    """What a pull says: of what can be in a picture that the model takes it for a sign, of how pictures were taken that they go together."""
    to = clean(found.classes[one.found.predicted], 40)
    if tells_how_taken(view, found, one):
        return f"Pictures with {_value(found, one)} are called {to} more often"
    return f"The model takes {_value(found, one)} for a sign of {to}"


def pull_claim(view: CaseView, found: Search, one: Suspicion) -> str:
    """What a pull does; of where or with what pictures were taken it is only said that the two go together."""
    if tells_how_taken(view, found, one):
        return claim(view, found, one)
    return f"{_value(found, one)} pulls predictions towards {clean(found.classes[one.found.predicted], 40)}"


def untied_finding(found: Search, one: Suspicion, made: Finding, tie: Compared) -> Finding:
    """A pull that training does not contain: the model goes by it, and cannot have learnt it as a correlation.

    That predictions go with a value is tested; that the value itself is given too much weight is not: it stays open,
    for an experiment to decide where the thing can be taken away.
    """
    return replace(
        made,
        kind="overemphasised_feature",
        bug="unknown",
        statement=f"{made.statement} {_untied(found, one, tie)}.",
        verdict=None,
        tests=(),
        note=f"{made.note} Whether the model gives it too much weight is open.",
    )


HELD = "slices_held"  # fact: how many slices wait for the experiment that decides about a suspected sign


WEAKER = "weaker_pulls_held"  # fact: how many pulls wait for the experiment on one that explains more errors


def sign(finding: Finding) -> str:
    """A suspected sign in words: ``stamp=yes towards horse``."""
    what = " & ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in (finding.slice or {}).items())
    return f"{what} towards {clean(finding.class_name or '', 40)}"


def awaited(view: CaseView, finding: Finding) -> bool:
    """Whether slices that a suspected sign accounts for are no findings of their own: the experiment is to come, or confirmed it."""
    return _verdict(view, finding) in (None, "confirmed")


def undecided(view: CaseView, finding: Finding) -> bool:
    """Whether the experiment on a suspected sign is to come."""
    return _verdict(view, finding) is None


def _verdict(view: CaseView, finding: Finding) -> str | None:
    """The verdict on a suspected sign that the case knows already."""
    about = (finding.kind, finding.slice, finding.class_name)
    known = (one for _, one in view.findings() if (one.kind, one.slice, one.class_name) == about)
    return next((one.verdict for one in known), None)


def told_held(about: str, names: Sequence[str]) -> str:
    """What is said of slices that wait."""
    return (
        f"Probably one bug, seen from its errors: {listing(list(names), 4)}. They become findings of their own if the experiment does not "
        f"confirm that the model goes by {about}."
    )


def told_weaker(about: str, names: Sequence[str]) -> str:
    """What is said of weaker pulls that wait."""
    one = len(names) == 1
    return (
        f"{listing(list(names), 4)} {'explains' if one else 'explain'} fewer errors than {about} may: {'it is told as a finding' if one else 'they are told as findings'} "
        "when slices are searched again after the experiment on that (test_by_masking)."
    )


def goes_to(found: Search, finding: Finding, one: Suspicion, tie: Compared) -> Finding:
    """The finding of a slice that a pull accounts for, though training does not tie the pull's value to its class."""
    to, untied = clean(found.classes[one.found.predicted], 40), _untied(found, one, tie)
    pulls = f"{_value(found, one)} pulls predictions towards {to}"
    hint = pulls if finding.class_name == found.classes[one.found.predicted] else f"Their errors go to {to}"
    return replace(
        finding, note=f"{hint}. {untied}: no correlation that could have been learnt. {finding.note}".strip()
    )


def one_class_goes_to(found: Search, finding: Finding, one: Suspicion, owner: int) -> Finding:
    """The finding of a slice whose errors go one way, by a value that one class alone has, where no training images tell more."""
    to, whose = clean(found.classes[one.found.predicted], 40), clean(found.classes[owner], 40)
    hint = (
        f"{_value(found, one)} pulls predictions towards {to}. It is seen in {whose} alone: no sign of {to} that could be learnt from images like these; "
        "training images would say whether it is rare there."
    )
    return replace(finding, note=f"{hint} {finding.note}".strip())


def taken_goes_to(found: Search, finding: Finding, one: Suspicion, tie: Compared | None) -> Finding:
    """The finding of a slice by where or with what its pictures were taken, whose errors go one way, where training images tell no more."""
    return replace(finding, note=f"{_looks_or_tie(found, one, tie)} {finding.note}".strip())


def taken_finding(found: Search, one: Suspicion, made: Finding, tie: Compared | None = None) -> Finding:
    """The finding of such a pull that shows in no slice: its images are answered wrongly more often, and that is all that is known."""
    to = clean(found.classes[one.found.predicted], 40)
    statement = (
        f"Images with {_value(found, one)} are taken for {to} more often: of {looked_at(found)}, {number(one.rate)} with it, and {number(one.rate_out)} "
        f"without ({number(one.found.wrong, 'points')} {interval(one.found.wrong_ci, 'points')} within true classes, p {p_value(one.found.p)})."
        f"{shown_only(found, one)}"
    )
    note = f"{_looks_or_tie(found, one, tie)} {made.note}".strip()
    return replace(
        made, kind="weak_slice", failure="correctness", bug="unknown", statement=statement, class_name=None,
        confused_with=found.classes[one.found.predicted], note=note,
    )  # fmt: skip


def within_goes_to(found: Search, finding: Finding, one: Suspicion) -> Finding:
    """The finding of a slice whose errors go one way, where images of one class alone were searched."""
    return replace(finding, note=f"{_one_class_only(found, one)} {finding.note}".strip())


def within_finding(found: Search, one: Suspicion, made: Finding) -> Finding:
    """A pull that shows in no slice, where images of one class alone were searched: no sign of a class, but a way they fail."""
    return replace(taken_finding(found, one, made), note=f"{_one_class_only(found, one)} {made.note}".strip())


def _one_class_only(found: Search, one: Suspicion) -> str:
    to = clean(found.classes[one.found.predicted], 40)
    return (
        f"Their errors go to {to}. Only {whose(found)} images were searched: whether {_value(found, one)} is a sign of {to} for images of "
        "other classes too, a search among all tells (find_slices without within_class)."
    )


def _looks_or_tie(found: Search, one: Suspicion, tie: Compared | None) -> str:
    to = clean(found.classes[one.found.predicted], 40)
    first = f"Their errors go to {to}. "
    if tie is not None and tied(tie) == "no":
        return f"{first}{_untied(found, one, tie)}: such pictures may look different, or show other things."
    may = f"Such pictures may look different, or {_value(found, one)} may have gone with {to} in training: "
    if tie is None:
        return f"{first}{may}training images would say which."
    return f"{first}{may}the training images there are do not tell ({_shares(found, one, tie)})."


def _untied(found: Search, one: Suspicion, tie: Compared) -> str:
    return f"Training does not tie {_value(found, one)} to {clean(found.classes[one.found.predicted], 40)} ({_shares(found, one, tie)})"


def _shares(found: Search, one: Suspicion, tie: Compared) -> str:
    to = clean(found.classes[one.found.predicted], 40)
    how = "seen there by a detector on the model's features: " if tie.detected else ""
    return (
        f"{how}{number(tie.rate)} of the {to} images there have it, {number(tie.rate_out)} of the others: "
        f"{number(tie.difference, 'points')} {interval(tie.ci, 'points')}"
    )


def _value(found: Search, one: Suspicion) -> str:
    coded = found.attributes[one.attribute]
    return f"{clean(coded.name, 40)}={clean(coded.values[one.found.value], 60)}"


def same_bug(finding: Finding, suspicion: Finding) -> Finding:
    """The finding of a slice, with a word on the suspicion that it is probably part of."""
    value = " & ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in (suspicion.slice or {}).items())
    hint = f"Probably the same bug: the model may take {value} for a sign of {clean(suspicion.class_name or '', 40)}."
    return replace(finding, note=f"{hint} {finding.note}".strip())


def maskable(view: CaseView, found: Search, one: Suspicion) -> bool:
    """Whether the attribute is the presence of a boxed object that a masking test can take away."""
    coded = found.attributes[one.attribute]
    boxes = view.table(found.split).boxes
    if boxes is None or not view.has_model() or coded.values[one.found.value].lower() not in YES:
        return False
    return any(coded.name in row for row in boxes)
