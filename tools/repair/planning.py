"""From a finding to a plan: which strategy can be applied here, with which recipe and which images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from failsight.tools.attributes.computed import COMPUTED
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, digest
from failsight.tools.inputs.base import Pixels, Split
from failsight.tools.notes import called
from failsight.tools.repair import additions, anchors, copies, normalisation
from failsight.tools.repair.arms import Plan, Way, name_for
from failsight.tools.repair.piles import Ints, Mask, Pile, cue_of, inside_of, read_pile, training_rows
from failsight.tools.repair.recipes import Recipe
from failsight.tools.strategies import STRATEGIES, Strategy, fitting
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier
    from failsight.tools.view import CaseView

RecipeName = Literal["auto", "full", "last_layer", "group_dro", "export"]
Control = Literal["usual", "random"]
ADDING = ("collect", "generate")
BALANCING = ("rebalance", "group_balance", "loss_weighting", "last_layer")
TRAINED = (*ADDING, "relabel", "cut_and_paste", "feature_specific", "typical_augmentation", *BALANCING, "hard_examples", "robust_loss", "regularise", "freeze", "train_longer", "adapt_normalisation")  # fmt: skip
AROUND = ("recalibrate", "defer", "rule")  # nothing is trained: the scores are read otherwise
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
FEWEST = 20  # training images below which there is nothing to learn from
MOST_STATISTICS = 2000  # pictures at most that give statistics
TARGETS = 200  # pictures at most whose look training pictures are given
GROUP_STEP = 0.05  # of the weights in group DRO
LONGER = 4
LAST_RATE = 0.1  # of one linear layer that is trained by steps, where it can't be fitted at once
MOST_WORK = 2e13  # multiplications of all versions together from which only the last layer is trained: some ten minutes
NEED_ALL = ("freeze", "train_longer", "regularise")  # they make no sense for one layer


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

    @property
    def conditions(self) -> Mapping[str, str] | None:
        return self.finding.slice if self.finding is not None else None


@dataclass(frozen=True)
class Ready:
    """A plan, with words for people."""

    plan: Plan
    strategy: Strategy
    control: str
    notes: tuple[str, ...]


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
    if strategy == "collect" and not (asked.data or _labelled(view)):
        return "there are no labelled images to add (data=FILE.csv)"
    if strategy == "generate" and not (asked.data or additions.made_pictures(view, asked.finding_id)):
        return "no pictures were made yet (generate_repair_data)"
    if "train" not in view.splits():
        return "there are no training images (--train)"
    if strategy in ("cut_and_paste", "feature_specific"):
        return _lacks_boxes(view, asked)
    if strategy in BALANCING:
        return _lacks_groups(view, asked)
    if strategy == "typical_augmentation" and not _wanted_look(view, asked):
        return "the finding is not about how pictures look, and there are no deployment images"
    if strategy == "adapt_normalisation":
        return _lacks_statistics(view, asked)
    if strategy == "relabel":
        try:
            additions.relabelled(view, asked.data)
        except RetryError as problem:
            return str(problem)
    return ""


def _lacks_boxes(view: CaseView, asked: Asked) -> str:
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


def _of_use(view: CaseView, asked: Asked) -> Split | None:
    """The split whose pictures give the statistics: deployment, or what ``data`` names."""
    named: dict[str, Split] = {"pool": "pool", "deploy": "deploy", "": "deploy"}
    split = named.get((asked.data or "").strip().lower())
    return split if split in view.splits() else None


def _lacks_statistics(view: CaseView, asked: Asked) -> str:
    split = _of_use(view, asked)
    if split is None:
        return "there are no deployment images (--deploy; or data=pool)"
    if len(view.table(split)) < 2 * normalisation.FEWEST:
        return f"there are fewer than {2 * normalisation.FEWEST} {called(split)}"
    return normalisation.why_not(view.model())


def _labelled(view: CaseView) -> str:
    """The labels of pool images that lie in the case; empty without."""
    labels = additions.repair_root(view) / "labels-pool.csv"
    return str(labels) if labels.is_file() and "pool" in view.splits() else ""


def _wanted_look(view: CaseView, asked: Asked) -> Split | None:
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


def prepare(view: CaseView, asked: Asked, strategy: Strategy) -> Ready:
    """Read the images and write the plan. Raises RetryError where something is missing."""
    missing = lacks(view, strategy.name, asked)
    if missing:
        raise RetryError(f"strategy {strategy.name} can't be applied: {missing}")
    notes: list[str] = []
    way = _way(view, asked, strategy, notes)
    usual = _usual(view, asked, notes)
    facts: dict[str, Any] = {"train": {"fingerprint": view.table("train").fingerprint, "rows": len(usual)}}
    parts: dict[str, Any] = {}
    control = strategy.control
    if strategy.name in ADDING:
        named = asked.data or (
            _labelled(view) if strategy.name == "collect" else additions.made_pictures(view, asked.finding_id)
        )
        parts, control = _additions(view, replace(asked, data=named), notes)
    elif strategy.name == "relabel":
        changed, told = additions.relabelled(view, asked.data)
        parts = {"corrected": changed}
        notes.append(f"{len(changed):,} labels of training images were corrected, as {told} says.")
        if not changed:
            notes.append("No label changed, so both arms are the same.")
        control = "the same training with the labels as they were"
    elif strategy.name == "typical_augmentation":
        parts = _targets(view, asked)
    elif strategy.name == "adapt_normalisation":
        parts = _statistics(view, asked)
    elif strategy.name == "hard_examples":
        parts = {"wrong": _wrong(view, usual)}
    _hold(view, asked, strategy, way, parts, notes)
    recipe = _recipe(asked, strategy, way, len(usual))
    key = digest(
        {
            "model": view.model().fingerprint,
            "facts": facts,
            "asked": [asked.finding_id, asked.conditions, strategy.name, asked.budget, asked.control],
            "recipe": asdict(recipe),
            "way": way,
            "seeds": view.seed,
            "usual": usual.rows.tolist(),
            "added": [p.rows.tolist() + p.labels.tolist() for k in ("added", "spare") if (p := parts.get(k))],
            "added_from": [parts.get("data_added"), parts.get("data_spare")],
            "beside": parts.get("data"),
            "corrected": sorted(parts.get("corrected", {}).items()),
        }
    )
    plan = Plan(
        repair=name_for(view, key),
        finding=asked.finding_id,
        strategy=strategy.name,
        way=way,
        recipe=recipe,
        usual=usual,
        seeds=asked.seeds,
        base_seed=view.seed,
        data={**facts, **parts.pop("data", {})},
        key=key,
        **parts,
    )
    return Ready(plan, strategy, control, tuple(notes))


def _hold(
    view: CaseView, asked: Asked, strategy: Strategy, way: Way, parts: dict[str, Any], notes: list[str]
) -> None:
    """Add the anchors, where the network is trained and its deployment images are not needed for something else."""
    taken = any(anchors.SPLIT in (parts.get(k) or {}) for k in ("data", "data_added", "data_spare"))
    if way != "tune" or taken or strategy.name in NEED_ALL:
        return
    found = anchors.find_anchors(view, asked.finding)
    if found is not None:
        parts |= {"anchors": found.pixels, "data": {**parts.get("data", {}), **found.facts}}
        notes.append(found.told)


def _way(view: CaseView, asked: Asked, strategy: Strategy, notes: list[str]) -> Way:
    if strategy.name == "adapt_normalisation":
        return "statistics"
    why = copies.why_not(view.model())
    if why:
        notes.append(
            f"The model itself can't be trained: {why}. A new last layer is put around it; the old one is kept."
        )
        return "wrapped"
    if asked.recipe == "last_layer" or (asked.recipe == "auto" and strategy.name == "last_layer"):
        return "last"
    if asked.recipe == "auto":
        work = operations(view.model()) * Recipe().steps * Recipe().batch * 3 * 2 * asked.seeds
        if work > MOST_WORK and strategy.name not in NEED_ALL:
            notes.append(
                "The network is too large to fine-tune in minutes here, so its last layer alone is trained; recipe=full trains all of it."
            )
            return "last"
    return "tune"


def operations(model: Classifier) -> float:
    """Multiplications that one picture costs in convolutions and linear layers: a rule that no timing decides.

    0 where layers can't be watched.
    """
    import torch

    module = model.torch_module()
    if module is None:
        return 0.0
    counted: list[float] = []

    def watch(child: Any, _: Any, output: Any) -> None:
        if hasattr(output, "shape") and len(output.shape) > 1:
            cells = output.numel() / output.shape[1 if isinstance(child, torch.nn.Conv2d) else -1]
            counted.append(cells * child.weight.numel())

    layers = [c for c in module.modules() if isinstance(c, torch.nn.Conv2d | torch.nn.Linear)]
    handles = [c.register_forward_hook(watch) for c in layers]
    try:
        height, width = model.preprocessing.size
        with torch.inference_mode():
            module(model.normalise(np.full((1, height, width, 3), 128, np.uint8)))
    finally:
        for handle in handles:
            handle.remove()
    return float(sum(counted))


def _usual(view: CaseView, asked: Asked, notes: list[str]) -> Pile:
    rows, sampled = training_rows(view, view.seed)
    if len(rows) < FEWEST:
        raise RetryError(f"There are only {len(rows)} labelled training images: too few to learn from.")
    table = view.table("train")
    if sampled:
        notes.append(
            f"{len(rows):,} of {int((table.labels >= 0).sum()):,} training images were drawn to learn from: more would not fit in memory."
        )
    pile = read_pile(view, table, rows, table.labels[rows], asked.conditions, split="train")
    if len(pile) < len(rows):
        notes.append(f"{len(rows) - len(pile):,} training images can't be read and were left out.")
    if len(pile) < FEWEST:
        raise RetryError("Hardly any training image can be read.")
    return pile


def _additions(view: CaseView, asked: Asked, notes: list[str]) -> tuple[dict[str, Any], str]:
    if not asked.data:
        raise RetryError(
            "These images are not named: data=FILE.csv; collect needs the labelled images to add: data=FILE.csv with path and label for images of the pool "
            "(select_data says which are worth a label), or a folder or manifest of further images."
        )
    found = additions.labelled_images(view, asked.data, asked.conditions, asked.budget)
    chosen = found.first(asked.budget)
    notes.extend(found.notes)
    notes.append(f"{len(chosen.rows):,} labelled images were added: {chosen.told}.")
    added = _pile(view, chosen, asked)
    if not len(added):
        raise RetryError("None of the images to be added can be read.")
    parts: dict[str, Any] = {"added": added, "data_added": _said(chosen, added)}
    control = f"as many training images of the same classes added again ({len(added):,})"
    if asked.control == "random":
        if len(found.rows) < 2 * len(chosen.rows):
            raise RetryError(
                "control=random needs labels of other images of the same source, at least as many as are added: give a "
                "smaller budget, or control=usual."
            )
        lot = np.sort(np.random.default_rng([view.seed, 9]).permutation(len(found.rows))[: len(chosen.rows)])
        other = replace(found, rows=found.rows[lot], labels=found.labels[lot])
        spare = _pile(view, other, asked)
        parts |= {"spare": spare, "data_spare": _said(other, spare)}
        control = f"as many images of the same source, by lot ({len(spare):,})"
    return parts, control


def _pile(view: CaseView, found: additions.Added, asked: Asked) -> Pile:
    return read_pile(
        view,
        found.table,
        found.rows,
        found.labels,
        asked.conditions,
        split=found.split,
        added=True,
        what="added",
    )


def _said(found: additions.Added, pile: Pile) -> dict[str, Any]:
    """What a version says of the images that were added: split → fingerprint and row numbers."""
    name = found.split or "added"
    rows = pile.rows.tolist() if found.split is not None else len(pile)
    return {name: {"fingerprint": found.table.fingerprint, "rows": rows}, "additions": {"images": len(pile), "from": found.told}}  # fmt: skip


def _targets(view: CaseView, asked: Asked) -> dict[str, Any]:
    split = _wanted_look(view, asked)
    assert split is not None
    table = view.table(split)
    shift = asked.finding is None or asked.finding.kind == "distribution_shift"
    inside = np.ones(len(table), bool) if shift else inside_of(view, table, asked.conditions, split)
    rows = np.random.default_rng([view.seed, 10]).permutation(np.flatnonzero(inside))[:TARGETS]
    rows = rows[: max(1, min(len(rows), int(inside.sum()) // 4))] if split == "deploy" else rows
    rows = np.sort(rows).astype(np.int64)
    pixels: list[Pixels] = [p for _, p in view.pixels(rows, split)]
    if not pixels:
        raise RetryError(f"None of the {called(split)} can be read.")
    made: dict[str, Any] = {"targets": np.concatenate(pixels)}
    if split != "train":
        made["data"] = {split: {"fingerprint": table.fingerprint, "rows": rows.tolist()}}
    return made


def _statistics(view: CaseView, asked: Asked) -> dict[str, Any]:
    """Half of the pictures of use, by lot; the other half judges."""
    split = _of_use(view, asked)
    assert split is not None
    table = view.table(split)
    lot = np.random.default_rng([view.seed, 13]).permutation(len(table))
    rows = np.sort(lot[: min(len(lot) // 2, MOST_STATISTICS)]).astype(np.int64)
    read = [(at, p) for at, p in view.pixels(rows, split)]
    if sum(len(p) for _, p in read) < normalisation.FEWEST:
        raise RetryError(f"Hardly any of the {called(split)} can be read.")
    return {
        "targets": np.concatenate([p for _, p in read]),
        "data": {split: {"fingerprint": table.fingerprint, "rows": rows.tolist()}},
    }


def _wrong(view: CaseView, usual: Pile) -> Mask:
    """(usual,) images that the model answers wrongly."""
    model = view.model()
    made: list[Ints] = [
        model.scores(usual.pixels[i : i + 64]).argmax(1).astype(np.int64) for i in range(0, len(usual), 64)
    ]
    wrong: Mask = np.concatenate(made) != usual.labels
    if not wrong.any():
        raise RetryError(
            "The model answers every training image rightly: there are no hard examples to show again."
        )
    return wrong


def _recipe(asked: Asked, strategy: Strategy, way: Way, usual: int) -> Recipe:
    """The recipe: a short fine-tuning, unless the strategy or the person says otherwise."""
    made = Recipe() if way == "tune" else Recipe(layers="last", rate=LAST_RATE)
    if asked.epochs is not None:
        steps = max(1, -(-usual * asked.epochs // made.batch))
        made = replace(made, steps=steps, rounds=max(5, asked.epochs))
    elif strategy.name == "train_longer":
        made = replace(made, steps=made.steps * LONGER, rounds=made.rounds * 2)
    if strategy.name == "robust_loss":
        made = replace(made, loss="generalised")
    if strategy.name == "regularise":
        made = replace(made, decay=made.decay * 10, smoothing=0.1)
    if asked.recipe == "group_dro":
        made = replace(made, robust=GROUP_STEP)
    return made


def told_recipe(plan: Plan) -> str:
    """The recipe in words."""
    recipe = plan.recipe
    if plan.way == "statistics":
        return f"no weight, but the statistics of batch normalisation from {normalisation.drawn(plan.targets):,} pictures of use, drawn by lot"
    if plan.way == "wrapped":
        return "a new last layer around the model"
    if plan.way == "last":
        return "the last layer alone"
    extra = " with group DRO" if recipe.robust else ""
    return f"all layers{extra}, {number(recipe.steps, 'count')} steps of {recipe.batch} images"
