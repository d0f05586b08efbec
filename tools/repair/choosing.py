"""From a finding to a strategy: which one can be applied here, and what the others lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from failsight.tools.attributes.computed import COMPUTED
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import Split
from failsight.tools.labels.plans import judges, look_first
from failsight.tools.notes import called
from failsight.tools.repair import additions, normalisation
from failsight.tools.repair.marked import region_of
from failsight.tools.repair.piles import cue_of, inside_of
from failsight.tools.repair.relabelling import Unseen, corrections
from failsight.tools.repair.versions import AROUND
from failsight.tools.strategies import STRATEGIES, Strategy, fitting
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

RecipeName = Literal["auto", "full", "last_layer", "group_dro", "export"]
Control = Literal["usual", "random"]
ADDING = ("collect", "generate")
BALANCING = ("rebalance", "group_balance", "loss_weighting", "last_layer")
TRAINED = (*ADDING, "relabel", "cut_and_paste", "feature_specific", "typical_augmentation", *BALANCING, "hard_examples", "robust_loss", "regularise", "freeze", "train_longer", "adapt_normalisation")  # fmt: skip
UNTRAINED = (*AROUND, "relabel", "deduplicate", "data_engineering")  # they can be done without training
UNASKED = "rule"  # it hides a fault and does not mend it: a person has to want that
ELSEWHERE = {
    "deduplicate": "it changes the images that the model is judged on, not the model",
    "data_engineering": "it changes how pictures are prepared: preprocessing_probe finds the right way, and the side file model.json states it",
    "larger_model": "another architecture is trained with your own code",
    "smaller_model": "another architecture is trained with your own code",
    "split_class": "the versions of a case have the classes of its model",
    "separate_model": "the versions of a case are single models",
    "loss_separation": "it needs a loss of your own",
    "early_stopping": "every retraining here keeps the weights of its best round; an earlier epoch of yours must have been stored",
    "tune": "settings are searched with your own training",
    "other_architecture": "another architecture is trained with your own code",
    "engineered_features": "the detector is another model, joined to this one with your own code",
}


@dataclass(frozen=True)
class Asked:
    """What a person asked for, with the finding looked up."""

    finding_id: str
    finding: Finding | None
    strategy: str | None
    data: str | None
    budget: int | None
    epochs: int | None
    seeds: int
    recipe: RecipeName
    control: Control
    unseen: Unseen = "auto"

    @property
    def conditions(self) -> Mapping[str, str] | None:
        """The finding's slice, whose images are a group of their own while training. None for wrong labels: held-out images
        of a careless annotator tell which round agrees best with wrong labels."""
        if self.finding is None or self.finding.kind == "label_noise":
            return None
        return self.finding.slice


def strategy_of(name: str) -> Strategy:
    """The strategy called ``name``. Raises RetryError for one that is not made here."""
    wanted = name.strip().lower().replace(" ", "_")
    found = next((s for s in STRATEGIES if s.name == wanted), None)
    if found is None:
        raise RetryError(f"strategy: there is no strategy {clean(name, 40)!r}.", [*TRAINED, *AROUND])
    if found.name in ELSEWHERE:
        raise RetryError(
            f"strategy: {found.name} is not done by retrain: {ELSEWHERE[found.name]}.", [*TRAINED, *AROUND]
        )
    return found


def choose(view: CaseView, asked: Asked) -> Strategy:
    """The strategy to apply: the one asked for, else the best fitting one for which there is what it needs."""
    if asked.strategy:
        return strategy_of(asked.strategy)
    if asked.finding is None:
        if asked.data:
            return strategy_of("collect")
        raise RetryError("Say which finding is to be repaired (finding=F1), or which strategy.", [i for i, _ in view.findings()])  # fmt: skip
    if asked.data:
        return strategy_of("relabel" if asked.finding.kind == "label_noise" else "collect")
    if judges(asked.finding) and lacks(view, "relabel", asked):
        raise RetryError(lacks(view, "relabel", asked))
    order = [s for s in fitting(asked.finding.kind) if s.name not in (*ELSEWHERE, UNASKED)]
    adding = [s for s in order if s.name == "collect" and not lacks(view, s.name, asked)]
    if adding:  # real images of what is lacking repair best, once somebody labelled them
        return adding[0]
    if any(
        s.name == "cut_and_paste" for s in order
    ):  # covering alone leaves those that the cue misleads as they are
        order.sort(key=lambda s: s.name != "cut_and_paste")
    for strategy in order:
        if not lacks(view, strategy.name, asked):
            return strategy
    reasons = "; ".join(f"{s.name}: {lacks(view, s.name, asked)}" for s in order[:4])
    raise RetryError(
        "This finding can't be repaired with what the case has"
        + (f" ({clean(reasons, 400)})" if reasons else "")
        + ". Add labelled images (data=FILE.csv)."
    )


def lacks(view: CaseView, strategy: str, asked: Asked) -> str:
    """What a strategy needs and the case lacks; empty when it can be applied."""
    if strategy in AROUND:
        return ""
    if strategy == "collect" and not (asked.data or labelled_pool(view)):
        return "there are no labelled images to add (data=FILE.csv)"
    if strategy == "generate" and not (asked.data or additions.made_pictures(view, asked.finding_id)):
        return "no pictures were made yet (generate_repair_data)"
    if strategy == "relabel" and judges(asked.finding) and not asked.data:
        return _lacks_labels(view, asked)
    if "train" not in view.splits():
        return "there are no training images (--train)"
    if strategy in ("cut_and_paste", "feature_specific"):
        return _lacks_boxes(view, asked)
    if strategy in BALANCING:
        return _lacks_groups(view, asked)
    if strategy == "typical_augmentation" and not wanted_look(view, asked):
        return "the finding is not about how pictures look, and there are no deployment images"
    if strategy == "adapt_normalisation":
        return _lacks_statistics(view, asked)
    if strategy == "relabel":
        try:
            corrections(view, asked.data)
        except RetryError as problem:
            return str(problem)
    return ""


def _lacks_labels(view: CaseView, asked: Asked) -> str:
    """Wrong labels of images that nobody trains on are no reason to train, unless labels of training images were corrected, too."""
    assert asked.finding is not None
    try:
        if "train" in view.splits():
            corrections(view, None)
            return ""
    except RetryError:
        pass
    return f"{asked.finding_id} is about labels of the {called(asked.finding.split)}. {look_first(asked.finding)}"


def _lacks_boxes(view: CaseView, asked: Asked) -> str:
    if region_of(asked.conditions):
        return ""  # it is sought in the training pictures themselves
    cue, boxes = cue_of(asked.conditions), view.table("train").boxes
    if not cue:
        return "the finding names no single object that a picture shows"
    if boxes is None or not any(cue in row for row in boxes):
        return f"the training images have no boxes of {clean(cue, 40)}"
    return ""


def _lacks_groups(view: CaseView, asked: Asked) -> str:
    if asked.finding is not None and asked.finding.kind == "class_imbalance":
        return ""
    inside = inside_of(view, view.table("train"), asked.conditions, "train")
    if not inside.any() or inside.all():
        return "its slice is not known of the training images, or all or none of them are in it"
    return ""


def of_use(view: CaseView, asked: Asked) -> Split | None:
    """The split whose pictures give the statistics: deployment, or what ``data`` names."""
    named: dict[str, Split] = {"pool": "pool", "deploy": "deploy", "": "deploy"}
    split = named.get((asked.data or "").strip().lower())
    return split if split in view.splits() else None


def _lacks_statistics(view: CaseView, asked: Asked) -> str:
    split = of_use(view, asked)
    if split is None:
        return "there are no deployment images (--deploy; or data=pool)"
    if len(view.table(split)) < 2 * normalisation.FEWEST:
        return f"there are fewer than {2 * normalisation.FEWEST} {called(split)}"
    return normalisation.why_not(view.model())


def labelled_pool(view: CaseView) -> str:
    """The labels of pool images that lie in the case; empty without."""
    labels = additions.repair_root(view) / "labels-pool.csv"
    return str(labels) if labels.is_file() and "pool" in view.splits() else ""


def wanted_look(view: CaseView, asked: Asked) -> Split | None:
    """The split whose pictures show the look that training is to meet; None where there is none."""
    finding = asked.finding
    if finding is None or finding.kind == "distribution_shift":
        return "deploy" if "deploy" in view.splits() else None
    names = list(asked.conditions or {})
    if names and all(n.removeprefix("computed_") in COMPUTED for n in names):
        for split in ("train", "pool", "deploy"):
            if split in view.splits():
                inside = inside_of(view, view.table(split), asked.conditions, split)
                if int(inside.sum()) >= 5:
                    return split
    return None
