"""From a strategy to a plan: with which recipe and which images it is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import digest
from failsight.tools.inputs.base import Pixels
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.notes import called
from failsight.tools.repair import additions, anchors, copies, normalisation, relabelling
from failsight.tools.repair.arms import name_for
from failsight.tools.repair.choosing import ADDING, Asked, labelled_pool, lacks, of_use, wanted_look
from failsight.tools.repair.lessons import Plan, Way
from failsight.tools.repair.piles import Ints, Mask, Pile, inside_of, read_pile, training_rows
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.script_features import script_head
from failsight.tools.strategies import Strategy
from failsight.tools.text import counted, number

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier
    from failsight.tools.view import CaseView

FEWEST = 20  # training images below which there is nothing to learn from
MOST_STATISTICS = 2000  # pictures at most that give statistics
TARGETS = 200  # pictures at most whose look training pictures are given
GROUP_STEP = 0.05  # of the weights in group DRO
LONGER = 4
CLIP = 5.0  # of relabelling's gradients, about twice their usual length: one of a hundred that is ten times as long can ruin a network for good
UNLEARNING = 2  # times as many steps: what wrong labels taught is in every class, not in one slice (benchmarks/relabelling.md)
LAST_RATE = 0.1  # of one linear layer that is trained by steps, where it can't be fitted at once
MOST_WORK = 2e13  # multiplications of all versions together from which only the last layer is trained: some ten minutes
NEED_ALL = ("freeze", "train_longer", "regularise")  # they make no sense for one layer


@dataclass(frozen=True)
class Ready:
    """A plan, with words for people."""

    plan: Plan
    strategy: Strategy
    control: str
    notes: tuple[str, ...]


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
            labelled_pool(view)
            if strategy.name == "collect"
            else additions.made_pictures(view, asked.finding_id)
        )
        parts, control = _additions(view, replace(asked, data=named), notes)
    elif strategy.name == "relabel":
        parts = _corrected(view, asked, usual, notes)
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
            **({"left_out": parts["left_out"].tolist()} if "left_out" in parts else {}),
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
        head = script_head(view.model())
        if head is not None and not head.plain:
            notes.append(
                "What the model's last layer gives is changed before it becomes a score (clipped, say), so a new last layer is put "
                "around the model; the old one is kept."
            )
            return "wrapped"
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


def _corrected(view: CaseView, asked: Asked, usual: Pile, notes: list[str]) -> dict[str, Any]:
    """Corrected labels, and the images whose labels are not learned from."""
    made = relabelling.corrections(view, asked.data)
    notes.append(
        f"{counted(len(made.changed), 'label of training images was', 'labels of training images were')} corrected, as {made.told} says."
    )
    out = relabelling.unseen_rows(view, asked.finding, made, usual.rows, asked.unseen, notes)
    if not made.changed and not len(out):
        notes.append("No label changed, so both arms are the same.")
    parts: dict[str, Any] = {"corrected": made.changed, "data": {"relabelled": made.moves(view)}}
    if len(out):
        parts |= {"left_out": out, "data": {**parts["data"], "left_out": len(out)}}
    return parts


def _additions(view: CaseView, asked: Asked, notes: list[str]) -> tuple[dict[str, Any], str]:
    if not asked.data:
        raise RetryError(
            "These images are not named: data=FILE.csv; collect needs the labelled images to add: data=FILE.csv with path and label for images of the pool "
            "(select_data says which are worth a label), or a folder or manifest of further images."
        )
    found = additions.labelled_images(view, asked.data, asked.conditions, asked.budget)
    chosen = found.first(asked.budget)
    notes.extend(found.notes)
    notes.append(
        f"{counted(len(chosen.rows), 'labelled image was added', 'labelled images were added')}: {chosen.told}."
    )
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
    split = wanted_look(view, asked)
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
    split = of_use(view, asked)
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
        decide(model.scores(usual.pixels[i : i + 64]), thresholds_of(model)) for i in range(0, len(usual), 64)
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
    elif strategy.name == "relabel" and way == "tune":
        made = replace(made, steps=made.steps * UNLEARNING)
    if strategy.name == "relabel" and way == "tune":
        made = replace(made, clip=CLIP)
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
