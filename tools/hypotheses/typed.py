"""A hypothesis in types: what kind, about which classes, which cue or group, and what will be seen if it is right.

Whoever suspects something (a person in plain words, a language model) can say it only so. The sentence that stands for
it afterwards is made here, from the types: nobody's own numbers or verdicts get into the record this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from failsight.tools.errors import NotRecorded, RetryError
from failsight.tools.evidence import Bug, Failure, Finding, Kind
from failsight.tools.experiments.population import (
    NOT,
    PREDICTED_NAMES,
    TRUE_NAMES,
    Filter,
    boxed_objects,
    check_split,
    class_index,
    parse_filters,
    rows_meeting,
)
from failsight.tools.experiments.regions import Region, parse_region
from failsight.tools.inputs.base import Split
from failsight.tools.notes import called
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

Prediction = Literal["falls_without", "rises_with", "unmoved_without", "more_errors", "called_so", "measured"]
CUED = ("spurious_correlation", "overemphasised_feature", "missing_feature")
GROUPED = ("weak_slice", "rare_case")
YES = ("yes", "true", "1", "present")
NATURE: Mapping[Kind, tuple[Failure, Bug]] = {
    "spurious_correlation": ("features", "data_statistics"),
    "rare_case": ("correctness", "data_statistics"),
    "label_noise": ("correctness", "data_content"),
    "distribution_shift": ("robustness", "data_statistics"),
    "leakage": ("correctness", "data_engineering"),
    "preprocessing": ("correctness", "data_engineering"),
    "class_order": ("correctness", "data_engineering"),
    "overfitting": ("correctness", "training_parameter"),
    "underfitting": ("correctness", "training_parameter"),
    "overconfidence": ("correctness", "training_parameter"),
    "overemphasised_feature": ("features", "data_content"),
    "missing_feature": ("features", "data_content"),
    "class_imbalance": ("correctness", "data_statistics"),
    "weak_slice": ("correctness", "unknown"),
}
#: which predictions fit a kind; the first is the usual one
PREDICTIONS: Mapping[str, tuple[Prediction, ...]] = {
    "spurious_correlation": ("falls_without", "rises_with", "called_so"),
    "overemphasised_feature": ("falls_without", "rises_with", "called_so"),
    "missing_feature": ("unmoved_without",),
    "weak_slice": ("more_errors", "called_so"),
    "rare_case": ("more_errors",),
}
_WHOLE: Mapping[str, str] = {
    "label_noise": "Labels{of} are wrong beyond the model's own errors.",
    "distribution_shift": "The deployment images{of} differ from the evaluation images, and accuracy suffers.",
    "leakage": "Evaluation images are also among the training images.",
    "preprocessing": "The model is fed otherwise than it was trained.",
    "class_order": "The class names stand in another order than the model's outputs.",
    "overfitting": "The model has learned its training images by heart.",
    "underfitting": "The model has not even learned its training images.",
    "overconfidence": "The model is surer than it is right{of}.",
    "class_imbalance": "There are too few training images{of}, and the model errs for it.",
}
FOR_CUES = (
    "It can be tested once the images have boxes of it (a manifest column `boxes`) or masks (mask:FOLDER), a segmenter finds it (object:NAME), "
    "or a column says which images show it."
)
FOR_ATTRIBUTES = "It can be tested once the images have that attribute: a column of the manifest or of --metadata, or one assigned to them (propose_attributes)."
_AMOUNT = re.compile(r"^(up to|below|from|above) (-?[\d.e+-]+)$")
_SIGN = re.compile(r"[=<>]")  # in the name of conditions that do not hold together
_SIGNS = {"<=": "up to", "<": "below", ">=": "from", ">": "above"}


@dataclass(frozen=True, slots=True)
class Typed:
    """A hypothesis that was checked against the case.

    Attributes:
        cue: the suspected thing as a region of the pictures; None where it is an attribute, or there is none.
        conditions: which images it is about.
        finding: it as a finding without a verdict, or the finding of the same key that the case knows already.
        known: id of that finding, or empty.
        split: of which images it speaks.
        answers: true classes and answers of the images that the measurement takes, where the finding does not name them.
    """

    kind: Kind
    class_name: str | None
    confused_with: str | None
    cue: Region | None
    conditions: tuple[Filter, ...]
    prediction: Prediction
    finding: Finding
    known: str = ""
    split: Split = "data"
    answers: tuple[Filter, ...] = ()


def typed(
    view: CaseView,
    kind: Kind,
    class_name: str | None,
    confused_with: str | None,
    cue: str | None,
    where: Sequence[str] | str,
    prediction: Prediction | None,
    split: Split = "data",
) -> Typed:
    """Check every part against the case.

    Raises:
        RetryError: a class, object, attribute or value that the case does not have, with what would make it testable; a part that the
            kind needs is missing.
    """
    if split != "data" and kind not in (*CUED, *GROUPED, "distribution_shift"):
        raise RetryError(
            f"split: a {kind} is about the whole case, not about some of its images; leave it out."
        )
    check_split(view, split)
    named = _class(view, class_name)
    other = _class(view, confused_with)
    with _remedy_told(view, split):
        region, conditions = _cue(view, cue, parse_filters(where), split)
    answers = tuple(one for one in conditions if not one.op or one.name in (*TRUE_NAMES, *PREDICTED_NAMES))
    conditions = tuple(one for one in conditions if one not in answers)
    if kind in CUED and region is not None and view.has_model() and prediction != "called_so":
        rows_meeting(view, split, answers)  # which images are changed: the class is that of the score
    else:
        named, other, answers = _in_classes(view, kind, named, other, answers)
    _complete(kind, named, region, conditions)
    with _remedy_told(view, split, conditions):
        rows_meeting(view, split, conditions)  # names what does not exist, before anything is written down
    foreseen = _prediction(kind, prediction, other, region)
    slice_ = _slice(region, conditions) if kind in (*CUED, *GROUPED) else {}
    failure, bug = NATURE[kind]
    about: Split = split if kind in (*CUED, *GROUPED) else "data"
    statement = _statement(kind, named, other, region, slice_, about)
    made = Finding(
        kind,
        failure,
        bug,
        statement,
        slice=slice_ or None,
        class_name=named,
        confused_with=other,
        split=about,
    )
    for name, old in view.findings():
        if old.key == made.key:
            return Typed(kind, named, other, region, conditions, foreseen, old, name, split, answers)
    return Typed(kind, named, other, region, conditions, foreseen, made, split=split, answers=answers)


@contextmanager
def _remedy_told(view: CaseView, split: Split, conditions: Sequence[Filter] = ()) -> Iterator[None]:
    """What nobody recorded is refused with what would make it testable; a value that there is not, with where it was looked for
    and where it is."""
    try:
        yield
    except NotRecorded as problem:
        how = FOR_ATTRIBUTES if problem.what.startswith("where:") else FOR_CUES
        raise NotRecorded(f"{problem.what} {how}", problem.choices) from None
    except RetryError as problem:
        if not conditions:
            raise
        there = [s for s in view.splits() if s != split and s != "pool" and _met(view, s, conditions)]
        told = (
            f" There are such {listing([called(s) for s in there])}: say split={there[0]}." if there else ""
        )
        raise RetryError(f"{problem} That is of the {called(split)}.{told}") from None


def _met(view: CaseView, split: Split, conditions: Sequence[Filter]) -> bool:
    """Whether images of a split meet the conditions."""
    try:
        return bool(rows_meeting(view, split, tuple(conditions))[0].any())
    except RetryError:
        return False


def _class(view: CaseView, name: str | None) -> str | None:
    return None if name is None else view.classes[class_index(view.classes, name)]


def _in_classes(
    view: CaseView, kind: Kind, named: str | None, other: str | None, answers: Sequence[Filter]
) -> tuple[str | None, str | None, tuple[Filter, ...]]:
    """True classes and answers that ``where`` names, as the classes of the hypothesis: of a group the true class and what it is called; of
    an attribute taken for a sign the answer is its class, and the true class stays a condition.

    Raises RetryError where that can't be.
    """
    sign, left = kind in CUED, list[Filter]()
    for one in answers:
        if one.op != "=":
            raise RetryError(
                f"where: {clean(one, 60)} can't be told of a {kind}; name the true class (true=CLASS) and what it is called (predicted=CLASS)."
            )
        value = _class(view, one.value)
        if one.name in TRUE_NAMES and sign:
            left.append(Filter("true", "=", str(value)))
        elif one.name in TRUE_NAMES and named in (None, value):
            named = value
        elif one.name in PREDICTED_NAMES and (named if sign else other) in (None, value):
            named, other = (value, other) if sign else (named, value)
        else:
            place = "class_name" if sign or one.name in TRUE_NAMES else "confused_with"
            raise RetryError(f"where: {clean(one, 60)} is not the {place} given; leave one of them out.")
    if len(left) > 1:
        raise RetryError("where: an image has one true class; name one.")
    return named, other, tuple(left)


def _cue(
    view: CaseView, cue: str | None, conditions: tuple[Filter, ...], split: Split
) -> tuple[Region | None, tuple[Filter, ...]]:
    """The cue as a region, or as one more condition where it is an attribute without a place in the picture."""
    if cue is None or not cue.strip():
        return None, conditions
    objects = boxed_objects(view.table(split))
    if ":" in cue:
        return parse_region(cue, objects, view.classes), conditions
    plain = cue.strip()
    if "=" not in plain:
        near = [o for o in objects if _plain(o) == _plain(plain)]
        if len(near) == 1:
            return parse_region(f"box:{near[0]}", objects, view.classes), conditions
        columns = view.attributes(split).columns
        named = [c for c in columns if _plain(c) == _plain(plain)]
        if len(named) != 1:
            boxes = [f"box:{clean(o, 40)}" for o in objects]
            raise NotRecorded(f"cue: nothing here is called {clean(plain, 60)!r}.", [*boxes, *columns])
        present = [v for v in {str(v) for v in columns[named[0]]} if v.lower() in YES]
        if len(present) != 1:
            raise RetryError(
                f"cue: say which value of {clean(named[0], 60)!r}, as {clean(named[0], 40)}=VALUE."
            )
        plain = f"{named[0]}={present[0]}"
    return None, (*conditions, *parse_filters(plain))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _complete(kind: Kind, named: str | None, cue: Region | None, conditions: tuple[Filter, ...]) -> None:
    """What a kind cannot do without."""
    if kind in CUED and cue is None and not conditions:
        raise RetryError(
            f"cue: a {kind} is about something in the pictures; name it (box:NAME, corners:0.2, an attribute)."
        )
    if kind in CUED and named is None:
        raise RetryError(f"class_name: for which class is it taken to count? A {kind} needs one.")
    if kind == "missing_feature" and cue is None:
        raise RetryError(
            "cue: that something is not used shows only where it can be taken away: name a region, as box:NAME."
        )
    if kind in GROUPED and not conditions and cue is None:
        raise RetryError(f"where: a {kind} is about a group of images; name it, as lighting=dark.")


def _prediction(kind: Kind, asked: Prediction | None, other: str | None, cue: Region | None) -> Prediction:
    fitting = PREDICTIONS.get(kind, ("measured",))
    if kind in CUED and cue is None:  # an attribute without a place in the picture: it can't be taken away
        fitting = ("called_so",)
    if asked is None:
        return "called_so" if kind == "weak_slice" and other else fitting[0]
    if asked not in fitting:
        raise RetryError(f"prediction: {asked!r} does not fit a {kind}.", fitting)
    return asked


def _slice(cue: Region | None, conditions: Sequence[Filter]) -> dict[str, str]:
    made = {one.name: in_words(one) for one in conditions}
    if cue is not None:
        made |= {cue.name: "yes"} if cue.kind == "box" else {"region": cue.spec}
    return made


def in_words(one: Filter) -> str:
    """The value of a condition as a slice names it: ``dark``, ``up to 0.31``, ``not dark``."""
    if one.op == "=":
        return one.value
    if one.op == NOT:
        return "no"
    return f"not {one.value}" if one.op == "!=" else f"{_SIGNS[one.op]} {one.value}"


def conditions_of(slice_: Mapping[str, str] | None) -> tuple[Filter, ...]:
    """The conditions of a finding's slice, without the region of a cue: the inverse of :func:`in_words`."""
    made = []
    for name, value in (slice_ or {}).items():
        amount = _AMOUNT.match(value)
        if name == "region":
            continue
        if value == "no" and _SIGN.search(name):
            made.append(Filter(name, NOT, ""))
        elif amount:
            sign = next(s for s, word in _SIGNS.items() if word == amount[1])
            made.append(Filter(name, sign, amount[2]))
        elif value.startswith("not "):
            made.append(Filter(name, "!=", value[4:]))
        else:
            made.append(Filter(name, "=", value))
    return tuple(made)


def group_words(slice_: Mapping[str, str] | None) -> str:
    """A slice as people read it: ``lighting=dark and cat=yes``, ``hour>=22 or hour<=5``, ``month=12, 1 or 2``."""
    from failsight.tools.counting.words import in_words as said

    held = conditions_of(slice_)
    plain = {f.name: f for f in held if f.op == NOT or (f.op == "=" and len(f.values) > 1)}
    return listing(
        [
            said(plain[k])
            if k in plain
            else f"{clean(k, 40)}{' ' if _AMOUNT.match(v) else '='}{clean(v, 60)}"
            for k, v in (slice_ or {}).items()
        ]
    )


def slice_name(slice_: Mapping[str, str] | None) -> str:
    """A slice as facts name it: ``lighting=dark and cat=yes``, ``not(hour<22&hour>5)``."""
    return listing(
        [
            f"not({clean(k, 80)})" if v == "no" and _SIGN.search(k) else f"{clean(k, 40)}={clean(v, 60)}"
            for k, v in (slice_ or {}).items()
        ]
    )


def _statement(
    kind: Kind,
    named: str | None,
    other: str | None,
    cue: Region | None,
    slice_: Mapping[str, str],
    split: Split = "data",
) -> str:
    """The claim in one sentence, without any number of its own."""
    title = clean(named, 60) if named else "the predicted class"
    what = cue.title if cue is not None else group_words(slice_)
    on = "" if split == "data" else f" in {called(split)}"
    if kind == "missing_feature":
        return f"The model makes no use of {what} for {title}{on}."
    if kind == "overemphasised_feature":
        return f"The model leans too much on {what} for {title}{on}."
    if kind == "spurious_correlation":
        return f"The model takes {what} for a sign of {title}{on}."
    if kind in GROUPED:
        images = "Images" if split == "data" else called(split).capitalize()
        text = f"{images}{f' of {title}' if named else ''} with {group_words(slice_)}"
        rare = ", which are rare in training," if kind == "rare_case" else ""
        if other:
            return f"{text}{rare} are called {clean(other, 60)} more often than the others."
        return f"{text}{rare} are answered wrongly more often than the others."
    return _WHOLE[kind].format(of=f" of {title}" if named else "")
