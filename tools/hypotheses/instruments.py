"""Which measurement decides a typed hypothesis, with which arguments, and what will be compared with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from failsight.tools.evidence import Evidence, Finding, Instrument
from failsight.tools.experiments.controls import check_room
from failsight.tools.experiments.population import TRUE_NAMES, shows
from failsight.tools.hypotheses.typed import CUED, GROUPED, Typed
from failsight.tools.view import CaseView

MINIMUM_EFFECT, ALPHA = 0.05, 0.05
LEAST = "minimum_effect"  # the argument of the measurements that test against a smallest effect of one's own
WITH_LEAST = ("compare_group", "test_by_masking", "test_by_adding")


@dataclass(frozen=True, slots=True)
class Choice:
    """The measurement that will decide.

    Attributes:
        tool, arguments: the call; ``finding`` is filled in once the hypothesis has its id.
        statistic, control: what is compared with what, in words.
        reason: why this one.
        by_finding: whether the call names the finding.
        decides: False where the measurement tells something, and yet no verdict can come of it.
    """

    tool: str
    statistic: str
    control: str
    reason: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by_finding: bool = False
    decides: bool = True


def choose(view: CaseView, made: Typed) -> Choice:
    """The cheapest measurement that can settle the hypothesis in this case.

    Raises:
        RetryError: the cue covers so much of each picture that no control has room beside it.
    """
    if made.kind in CUED:
        return _among(_of_cue(view, made), made)
    if made.kind in GROUPED:
        return _among(_of_group(made), made)
    return _of_whole(view, made)


def _among(choice: Choice, made: Typed) -> Choice:
    """The measurement, on the images that the hypothesis speaks of."""
    if made.split == "data":
        return choice
    return replace(choice, arguments={**choice.arguments, "split": made.split})


def least(choice: Choice, minimum_effect: float | None) -> Choice:
    """The measurement with the smallest effect that matters to the person, in (0, 1], where it takes one."""
    if minimum_effect is None or choice.tool not in WITH_LEAST:
        return choice
    return replace(choice, arguments={**choice.arguments, LEAST: minimum_effect})


def registered_least(evidence: Sequence[Evidence], finding: Finding) -> float | None:
    """The smallest effect with which the finding was stated last; None where it never was, or nobody said one."""
    stated = [
        e for e in evidence if e.tool == "state_hypothesis" and any(f.key == finding.key for f in e.findings)
    ]
    told = stated[-1].arguments.get(LEAST) if stated else None
    return float(told) if isinstance(told, int | float) else None


def _of_cue(view: CaseView, made: Typed) -> Choice:
    if made.cue is None:
        return _of_group(made)
    if not view.has_model():
        return Choice(
            "compare_group", "share of images called the class, with the cue minus without", "images without the cue, within true classes",
            "there is no model to run, so the images that there are are compared", by_finding=True, decides=made.cue.kind == "box",
        )  # fmt: skip
    if made.prediction == "rises_with":
        return Choice(
            "test_by_adding", "mean paired rise of the class's score, cue minus control", "a piece of equal area from the same donor image",
            "what is put into a picture by itself shows whether it is enough",
            {"cue": made.cue.spec, **({"where": tuple(map(str, made.answers))} if made.answers else {})}, True,
        )  # fmt: skip
    if made.prediction == "called_so" and made.cue.kind == "box":
        return _of_group(made)
    check_room(made.cue, *view.model().preprocessing.size)
    arguments: dict[str, Any] = {"region": made.cue.spec}
    if made.kind == "missing_feature" and made.class_name:
        arguments["where"] = (f"true={made.class_name}",)
    further = [str(one) for one in (*made.answers, *made.conditions)]
    if further:
        arguments["where"] = tuple(dict.fromkeys((*arguments.get("where", ()), *further)))
    return Choice(
        "test_by_masking", "mean paired fall of the class's score, cue minus control",
        "regions of the cue's shape and area elsewhere in the same image",
        "only taking it away shows whether the answer hangs on it", arguments, True,
    )  # fmt: skip


def _of_group(made: Typed) -> Choice:
    true = next((one.value for one in made.answers if one.name in TRUE_NAMES), None)
    outcome = "share called so" if made.prediction == "called_so" or made.kind in CUED else "error rate"
    return Choice(
        "compare_group", f"{outcome} of the group minus that of the other images, within true classes (Mantel–Haenszel)",
        "the other images of the same true classes whose value is known",
        "the group is named beforehand, so that nothing has to be searched for",
        {"class_name": true} if true else {}, by_finding=True,
    )  # fmt: skip


_WHOLE: Mapping[str, Choice] = {
    "label_noise": Choice(
        "label_noise", "share of labels that disagree however sure the model is", "the model's own errors, by its calibrated confidence",
        "the disagreement that confidence does not explain is what wrong labels leave",
    ),
    "leakage": Choice(
        "duplicates_and_leakage", "share of evaluation images that are training images too", "the share that is tolerated",
        "copies are found on the pixels, no model is needed",
    ),
    "preprocessing": Choice(
        "preprocessing_probe", "accuracy of other ways to feed the images minus that of the present one", "the present way, on the same images",
        "another way of feeding that does better gives itself away",
    ),
    "class_order": Choice(
        "class_order", "accuracy under the best one-to-one matching of outputs to classes minus that under the present names",
        "the present names, on images that did not choose the matching",
        "names in another order give themselves away by a matching that makes it right",
    ),
    "overfitting": Choice(
        "training_record", "accuracy on training images minus that on evaluation images, with the training record",
        "evaluation images at equal class proportions", "the record tells learning by heart from harder images",
    ),
    "underfitting": Choice(
        "training_record", "accuracy on training images below what a trained model reaches", "the training record",
        "the record tells whether it had stopped learning",
    ),
    "overconfidence": Choice(
        "confidence_profile", "mean confidence minus accuracy", "the share that is right, on the same images",
        "one pass over the images tells",
    ),
    "class_imbalance": Choice(
        "data_statistics", "training images by class", "the other classes",
        "counts are the first thing to know; that they cause the errors only a rebalanced training shows", {"split": "train"}, decides=False,
    ),
}  # fmt: skip
_BY_CLASS = ("label_noise", "overconfidence", "class_imbalance")


def _of_whole(view: CaseView, made: Typed) -> Choice:
    if made.kind == "distribution_shift":
        return _of_shift(view, made)
    choice = _WHOLE[made.kind]
    arguments = dict(choice.arguments)
    if made.kind == "class_imbalance" and "train" not in view.splits():
        arguments = {}
    if made.kind in _BY_CLASS and made.class_name:
        arguments["class_name"] = made.class_name
    return Choice(
        choice.tool, choice.statistic, choice.control, choice.reason, arguments, decides=choice.decides
    )


def _of_shift(view: CaseView, made: Typed) -> Choice:
    """Labels on the deployment images decide it; without them their looks do."""
    labelled = "deploy" in view.splits() and any(int(label) >= 0 for label in view.table("deploy").labels)
    if labelled or made.class_name:
        return Choice(
            "evaluate", "accuracy on evaluation images minus that on deployment images, at equal class proportions",
            "the evaluation images", "deployment images with labels show what the difference costs",
        )  # fmt: skip
    return Choice(
        "shift", "how well deployment images can be told from evaluation images, and the expected loss of accuracy",
        "the evaluation images", "without labels the looks of the images have to tell",
    )  # fmt: skip


def plan(view: CaseView, made: Typed, choice: Choice) -> Instrument:
    """The plan as it is journalled with the hypothesis; the tool itself registers its own, exact one before it measures."""
    return Instrument(
        finding=made.finding.key,
        tool=choice.tool,
        arguments=dict(choice.arguments),
        statement=made.finding.statement,
        statistic=choice.statistic,
        control=choice.control,
        minimum_effect=choice.arguments.get(LEAST, MINIMUM_EFFECT),
        alpha=ALPHA,
        n_planned=_images(view, made),
    )


def _images(view: CaseView, made: Typed) -> int:
    """How many images the hypothesis is about, as far as labels and boxes tell; nothing is predicted for it."""
    table = view.table(made.split if made.kind in (*CUED, *GROUPED) else "data")
    keep = table.labels >= 0
    if made.class_name is not None and made.kind not in CUED:
        keep = keep & (table.labels == view.classes.index(made.class_name))
    if made.cue is not None and made.cue.kind == "box":
        keep = keep & shows(table, made.cue.name)
    return int(keep.sum())
