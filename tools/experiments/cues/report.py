"""What the cue profile says: sentences, facts, tables and findings out of the panel and the places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from failsight.tools.evidence import Evidence, Fact, ImageRef, Table
from failsight.tools.examples import references
from failsight.tools.experiments.cues import pictures
from failsight.tools.experiments.cues.effects import Effect
from failsight.tools.experiments.cues.grid import Grid
from failsight.tools.experiments.cues.places import TOOL, Place, Tested, finding, verdict_of
from failsight.tools.experiments.cues.sample import Sample
from failsight.tools.notes import called, left_out_notes, of_split
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import bounds, clean, counted, interval, listing, number, p_value
from failsight.tools.view import CaseView

MOST_ROWS = 60
SHOWN = 6


@dataclass(frozen=True)
class Profile:
    """Everything that was measured; what the report is made of."""

    sample: Sample
    wanted: int | None
    effects: Sequence[Effect]
    grid: Grid | None
    places: Sequence[Place]
    tested: Sequence[Tested]
    plan: str
    minimum_effect: float
    poor: Sequence[int]  # classes with too few images to be looked at by themselves


def evidence(view: CaseView, made: Profile, arguments: Mapping[str, Any]) -> Evidence:
    """The whole profile as Evidence."""
    about = -1 if made.wanted is None else made.wanted
    shown = sorted((e for e in made.effects if e.group == about), key=lambda e: -e.effect)
    title = (
        "Cues of all classes" if made.wanted is None else f"Cues of {clean(view.classes[made.wanted], 40)}"
    )
    chart = pictures.profile(view, shown, title)
    maps = pictures.maps(view, made.grid, made.places, made.tested) if made.grid is not None else None
    confirmed = [t for t in made.tested if t.judgement.verdict == "confirmed"]
    return Evidence(
        tool=TOOL,
        arguments=arguments,
        title="What the model depends on",
        summary=_summary(view, made, shown, confirmed),
        facts=_facts(view, made, shown),
        tables=tuple(t for t in (_overall(shown), _by_class(view, made), _places(view, made)) if t.rows),
        figures=tuple(f for f in (chart, maps) if f is not None),
        images=_images(view, made, confirmed),
        questions=_questions(made, shown),
        findings=tuple(finding(view, t) for t in made.tested),
        notes=tuple(_notes(view, made)),
        next_steps=_next(view, confirmed, shown),
    )


def _summary(view: CaseView, made: Profile, shown: Sequence[Effect], confirmed: Sequence[Tested]) -> str:
    n = shown[0].n if shown else len(made.sample)
    who = "rightly predicted " if made.sample.labelled else ""
    of = f" of {clean(view.classes[made.wanted], 60)}" if made.wanted is not None else ""
    clear = [e for e in shown if e.clear]
    if clear:
        told = listing(
            [f"{e.cue.lost} ({number(e.effect, 'points')} {bounds(e.ci, 'points')})" for e in clear[:3]]
        )
        text = (
            f"Over {max((e.n for e in shown), default=n):,} {who}{called(made.sample.split)}{of}, the class's score falls most beyond "
            f"its control when the image loses {told}."
        )
        if len(clear) > 3:
            text += f" {len(clear) - 3} more of {len(shown)} cues cost more than their control."
    else:
        text = f"Over {n:,} {who}{called(made.sample.split)}{of}, no cue costs the class's score more than a control of equal strength."
    return f"{text} {_place_sentence(view, made, confirmed)}"


def _place_sentence(view: CaseView, made: Profile, confirmed: Sequence[Tested]) -> str:
    if made.grid is None:
        return "There were too few images of any class to look for places."
    if not made.tested:
        return "No class hangs on a small fixed place that looks like a stamp or a tag."
    if not confirmed:
        return f"{len(made.tested)} suspicious place(s) were tested on the other half of the images; none was confirmed."
    told = [
        f"{clean(view.classes[t.place.wanted], 40)} hangs on the {t.place.where}: hiding it costs "
        f"{number(t.paired.cue_effect, 'points')}, hiding as much elsewhere {number(t.paired.control_effect, 'points')}"
        for t in confirmed
    ]
    return f"Confirmed on images that had no part in finding it: {listing(told, 3)}."


def _facts(view: CaseView, made: Profile, shown: Sequence[Effect]) -> tuple[Fact, ...]:
    split = made.sample.split
    name = "" if made.wanted is None else f"class {clean(view.classes[made.wanted], 60)}, "
    facts = [Fact("plan", made.plan, "text"), Fact("n", len(made.sample), "count", of_split(split))]
    facts += _above_chance(view, made)
    for t in made.tested:
        facts += _place_facts(view, split, t)
    of = [of_split(split, f"{name}cue {e.cue.name}") for e in shown]
    both = list(zip(of, shown, strict=True))
    facts += [Fact("effect", e.effect, "points", o, e.ci, e.n) for o, e in both]
    facts += [Fact("cue_effect", e.fall, "points", o, e.fall_ci, e.n) for o, e in both]
    facts += [Fact("control_effect", e.control, "points", o, e.control_ci, e.n) for o, e in both]
    for rate, value in (("flip_rate", "flip"), ("control_flip_rate", "control_flip")):
        for o, e in both:
            share = float(getattr(e, value))
            facts.append(Fact(rate, share, "share", o, wilson(share * e.n, e.n), e.n))
    return tuple(facts)


def _above_chance(view: CaseView, made: Profile) -> list[Fact]:
    """Accuracy, and that of always answering with the commonest class."""
    p = view.predictions(made.sample.split)
    n = int(p.labelled.sum())
    if not n:
        return []
    right = int(p.correct.sum())
    most = int(np.bincount(p.labels[p.labelled]).max())
    of = of_split(made.sample.split)
    return [
        Fact("accuracy", right / n, "share", of, wilson(right, n), n, "higher_is_better"),
        Fact("chance_accuracy", most / n, "share", of, None, n),
    ]


def _place_facts(view: CaseView, split: str, t: Tested) -> list[Fact]:
    of = of_split(split, f"class {clean(view.classes[t.place.wanted], 60)}, place")
    p = t.paired
    corners = zip(("region_x0", "region_y0", "region_x1", "region_y1"), t.place.box, strict=True)
    return [
        *(Fact(name, value, "share", of) for name, value in corners),
        Fact("effect", p.effect, "points", of, p.ci, p.n),
        Fact("cue_effect", p.cue_effect, "points", of, None, p.n),
        Fact("control_effect", p.control_effect, "points", of, None, p.n),
        Fact("other_classes_effect", _finite(t.others), "points", of, None, t.others_n),
        Fact("flip_rate", t.flips[0].value, "share", of, t.flips[0].ci, t.flips[0].n),
        Fact("control_flip_rate", t.flips[1].value, "share", of, t.flips[1].ci, t.flips[1].n),
        Fact("agreement", t.place.same, "ratio", of, None, t.place.n),
        Fact("smallest_detectable_effect", p.detectable, "points", of, None, p.n),
    ]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _overall(shown: Sequence[Effect]) -> Table:
    rows = tuple(
        (
            e.cue.lost,
            e.fall,
            e.control,
            e.effect,
            interval(e.ci, "points"),
            e.flip,
            e.control_flip,
            p_value(e.q),
            e.n,
            e.cue.control,
        )
        for e in shown
    )
    return Table(
        "What is lost, and what it costs",
        (
            "without",
            "fall",
            "fall by control",
            "effect",
            "interval",
            "flips",
            "flips by control",
            "q",
            "images",
            "control",
        ),
        rows,
        ("text", "points", "points", "points", "text", "share", "share", "text", "count", "text"),
        "Largest effect first. Effect: fall of the class's score minus the fall by the control; q over the whole panel.",
    )


def _by_class(view: CaseView, made: Profile) -> Table:
    """The cues that cost a class more than their control, largest effect first."""
    found = sorted((e for e in made.effects if e.group >= 0), key=lambda e: (not e.clear, -e.effect))
    if made.wanted is not None:
        found = [e for e in found if e.group != made.wanted]
    clear = sum(e.clear for e in found)
    part = found[: min(MOST_ROWS, max(clear, 20))]
    rows = tuple(
        (
            clean(view.classes[e.group], 60),
            e.cue.lost,
            e.fall,
            e.control,
            e.effect,
            interval(e.ci, "points"),
            e.flip,
            e.control_flip,
            p_value(e.q),
            e.n,
        )
        for e in part
    )
    more = (
        f" {counted(len(found) - len(part), 'more row is', 'more rows are')} not shown."
        if len(found) > len(part)
        else ""
    )
    return Table(
        "By class",
        (
            "class",
            "without",
            "fall",
            "fall by control",
            "effect",
            "interval",
            "flips",
            "flips by control",
            "q",
            "images",
        ),
        rows,
        ("text", "text", "points", "points", "points", "text", "share", "share", "text", "count"),
        f"Effects that hold after correction first, largest first.{more}",
    )


def _places(view: CaseView, made: Profile) -> Table:
    rows = tuple(
        (
            clean(view.classes[p.wanted], 60),
            p.where,
            ", ".join(f"{v:.2f}" for v in p.box),
            p.area,
            p.fall,
            p.elsewhere,
            p.same,
            "at the edge" if p.edge else "in the middle" if p.central else "inside",
            verdict_of(p, made.tested)
            or ("not tested" if p.suspicious(made.minimum_effect) else "not suspicious"),
        )
        for p in sorted(made.places, key=lambda p: -p.fall)[:MOST_ROWS]
    )
    return Table(
        "The place that matters most, by class",
        (
            "class",
            "place",
            "x0, y0, x1, y1",
            "area",
            "fall there",
            "largest fall far from it",
            "agreement",
            "lies",
            "verdict",
        ),
        rows,
        ("text", "text", "text", "share", "points", "points", "ratio", "text", "text"),
        "Measured on the half that localises. Agreement: how many more images of the class than of others show the same pixels there.",
    )


def _images(view: CaseView, made: Profile, confirmed: Sequence[Tested]) -> tuple[ImageRef, ...]:
    if not confirmed:
        return ()
    p = view.predictions(made.sample.split)
    rows = made.sample.rows[~made.sample.first & (made.sample.watched == confirmed[0].place.wanted)][:SHOWN]
    return references(view, p, np.searchsorted(p.rows, rows), f"depends on the {confirmed[0].place.where}")


def _questions(made: Profile, shown: Sequence[Effect]) -> tuple[str, ...]:
    if not shown:
        return ()
    asked = [
        "features_global.1",
        "features_global.2",
        "features_global.4",
        "features_comparison.5",
        "features_comparison.6",
    ]
    if any(e.group >= 0 for e in made.effects):
        asked.append("features_global.3")
    if made.grid is not None:
        asked.append("questionable_features.7")
    return tuple(sorted(asked))


def _notes(view: CaseView, made: Profile) -> list[str]:
    notes = [
        "General dependences (colour, texture, shape, background) are no bugs in themselves: they stand in the tables, and only places are tested as findings.",
        "The subject's mask is automatic (colour contrast to the four sides of the frame): it fails on subjects that fill the picture or look like their surroundings.",
    ]
    sample = made.sample
    fitted = next((e.n for e in made.effects if e.group < 0 and e.cue.name == "subject"), 0)
    if fitted < len(sample):
        notes.append(
            f"In {len(sample) - fitted:,} of {len(sample):,} images no fit mask of the subject was found; they take no part in subject and background."
        )
    if not sample.labelled:
        notes.append(
            "The images have no labels: the score of the predicted class is watched, right or wrong."
        )
    if len(sample) < sample.eligible:
        notes.append(
            f"A balanced sample of {len(sample):,} of {sample.eligible:,} images was used; more max_images would narrow the intervals."
        )
    if made.poor:
        names = listing([view.classes[c] for c in made.poor], 5)
        notes.append(
            f"Too few images to look by themselves at {names}; name a class to give it half of the sample."
        )
    central = [p for p in made.places if p.central and p.static]
    if central:
        notes.append(
            f"Images of {listing([view.classes[p.wanted] for p in central], 4)} agree in the middle of the picture: a stamp there can't be told from a centred subject."
        )
    if view.table(sample.split).boxes is None:
        notes.append("The data has no object boxes; with them the panel would take each object away too.")
    tested = [t for t in made.tested if t.judgement.verdict != "confirmed"]
    notes += [
        f"{clean(view.classes[t.place.wanted], 60)}, {t.place.where}: {t.judgement.reason}" for t in tested
    ]
    return notes + left_out_notes(sample.split, view.predictions(sample.split).left_out)


def _next(view: CaseView, confirmed: Sequence[Tested], shown: Sequence[Effect]) -> tuple[str, ...]:
    steps = []
    for t in confirmed[:2]:
        name = clean(view.classes[t.place.wanted], 40)
        steps.append(
            f"Look at the {t.place.where} of some images of {name}: a stamp or tag there belongs cropped, masked or put on every class alike."
        )
    if any(e.clear and e.cue.name == "background" for e in shown):
        steps.append(
            "Ask whether the background should count; find_slices or test_by_masking on boxed objects says which part of it does."
        )
    return tuple(steps)
