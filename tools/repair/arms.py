"""The arms of a repair: for each seed a version with what is to repair, and one with the same budget and without it."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.engine.features import head_layer
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Floats as Features
from failsight.tools.repair import augment, copies, normalisation, side_by_side
from failsight.tools.repair.heads import PENALTIES, TURNS, fit_head
from failsight.tools.repair.lessons import Plan, Teacher
from failsight.tools.repair.piles import Ints, Mask, Pile
from failsight.tools.repair.script_features import put_in, script_head
from failsight.tools.repair.steps import Round
from failsight.tools.repair.training import CHECKPOINT, Lesson, Trainer
from failsight.tools.repair.versions import FOLDER, Arm, ModelVersion
from failsight.tools.repair.wrapped import best_reader, write_wrapped

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

RECORD = "record.json"
ARMS: tuple[Arm, ...] = ("repair", "control")
BATCH = 64


@dataclass(frozen=True)
class Made:
    """A version with its record."""

    version: ModelVersion
    history: tuple[Round, ...]
    best: int
    resumed: int
    notes: tuple[str, ...]


def make_arms(view: CaseView, plan: Plan) -> list[Made]:
    """All versions, each kept as soon as it is whole; those that an earlier, interrupted call kept are taken as they are."""
    total = plan.steps() * plan.seeds * 2
    maker = _Maker(view, plan)
    made: list[Made] = []
    jobs = [partial(maker.make, arm, seed) for seed in range(1, plan.seeds + 1) for arm in ARMS]

    def keep(done: Made) -> None:
        maker.keep(done)
        made.append(done)

    with view.progress.job("training the versions", total) as ticker:
        if plan.way == "tune" and side_by_side.small(maker.model, plan.recipe):
            side_by_side.at_once(jobs, ticker.advance, keep)
        else:
            for job in jobs:
                keep(job(ticker.advance))
    return made


class _Maker:
    def __init__(self, view: CaseView, plan: Plan) -> None:
        self.view, self.plan = view, plan
        self.model = view.model()
        self._features: dict[str, Features] = {}
        self._reads = ""

        self.root = view.workspace(plan.repair)
        self._known = {v.name: v for v in view.versions() if v.data.get("plan") == plan.key}

    def make(self, arm: Arm, seed: int, advance: Callable[[int], None]) -> Made:
        """Train a version and write it into its folder; several may run at once where whole networks are trained."""
        plan, name = self.plan, self.plan.name(arm, seed)
        folder = self.root / name
        if name in self._known:
            advance(plan.steps())
            return _told(folder, self._known[name])
        began = time.perf_counter()
        lesson, parts = Teacher(plan, len(self.model.classes)).lesson(arm, seed)
        folder.mkdir(parents=True, exist_ok=True)
        print_of, history, best, resumed, notes, earlier = self._train(lesson, parts, folder, advance)
        write_history(folder / "history.csv", history)
        cost = {
            "seconds": round(time.perf_counter() - began + earlier, 3),
            "images": float(self._images(lesson)),
            "steps": float(plan.recipe.steps if plan.way == "tune" else best),
            "labels": float(self._labels(arm)),
        }
        version = ModelVersion(
            name=name,
            repair=plan.repair,
            arm=arm,
            seed=seed,
            strategy=plan.strategy,
            finding=plan.finding,
            path=f"{FOLDER}/{plan.repair}/{name}",
            fingerprint=print_of,
            data={
                **plan.data,
                **(plan.data_added if arm == "repair" else plan.data_spare),
                "recipe": asdict(plan.recipe),
                "plan": plan.key,
            },
            cost=cost,
        )
        record = {
            "history": [asdict(r) for r in history],
            "best": best,
            "resumed": resumed,
            "notes": list(notes),
        }
        (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return Made(version, history, best, resumed, notes)

    def keep(self, made: Made) -> None:
        """Enter a version into the case; only then is the state of its training no longer needed."""
        name = made.version.name
        if name not in self._known:
            self.view.add_version(made.version)
        _state(self.root / name).unlink(missing_ok=True)

    def _images(self, lesson: Lesson) -> int:
        """How many images a version learns from."""
        if self.plan.way == "statistics":
            return normalisation.drawn(self.plan.targets)
        return int((~lesson.held).sum())

    def _labels(self, arm: Arm) -> int:
        if arm == "repair":
            return len(self.plan.corrected) + (0 if self.plan.added is None else len(self.plan.added))
        return 0 if self.plan.spare is None else len(self.plan.spare)

    # --- how it is learned ------------------------------------------------------------------------------------------

    def _train(
        self,
        lesson: Lesson,
        parts: list[tuple[str, Ints | None]],
        folder: Path,
        advance: Callable[[int], None],
    ) -> tuple[str, tuple[Round, ...], int, int, tuple[str, ...], float]:
        """(fingerprint, record, best round, rounds of an earlier run, notes, seconds of an earlier run)."""
        if self.plan.way == "statistics":
            return self._adapt(lesson, folder, advance)
        layer = head_layer(self.model) if self.plan.way == "last" else None
        program = script_head(self.model) if self.plan.way == "last" else None
        plain_layer = layer is not None and self.model.format not in ("torchscript", "torch_export")
        if self.plan.way == "tune" or (self.plan.way == "last" and not plain_layer and program is None):
            return self._tune(lesson, folder, advance)
        head = fit_head(self._read(lesson, parts), lesson, len(self.model.classes), advance)
        spent = TURNS * len(PENALTIES)
        advance(max(0, spent - len(head.history) * len(PENALTIES)))
        if self.plan.way == "wrapped":
            made = write_wrapped(
                folder,
                self.model,
                {"kind": "head", "reads": self._reads, "penalty": head.penalty},
                {"weight": head.weight, "bias": head.bias},
            )
            return made.fingerprint, head.history, head.best, 0, (), 0.0
        network = copies.fresh(self.model)
        if program is None:
            put_head(network, str(layer), head.weight, head.bias)
        elif not put_in(network, program, head.weight, head.bias):
            return self._tune(lesson, folder, advance)
        kept = copies.put_away(self.model, network, folder)
        return kept.fingerprint, head.history, head.best, 0, (), 0.0

    def _tune(
        self, lesson: Lesson, folder: Path, advance: Callable[[int], None]
    ) -> tuple[str, tuple[Round, ...], int, int, tuple[str, ...], float]:
        network = copies.fresh(self.model)
        free = copies.last_parameters(network, len(self.model.classes)) if self.plan.way == "last" else None
        if self.plan.strategy == "freeze" and lesson.first:
            free = copies.upper_parameters(network)
        learned = Trainer(self.model, network, lesson, free).run(_state(folder), advance)
        kept = copies.put_away(self.model, learned.network, folder)
        return kept.fingerprint, learned.history, learned.best, learned.resumed, learned.notes, 0.0

    def _adapt(
        self, lesson: Lesson, folder: Path, advance: Callable[[int], None]
    ) -> tuple[str, tuple[Round, ...], int, int, tuple[str, ...], float]:
        """The statistics of some of the target pictures, by lot; in the control arm, of as many training images."""
        targets = self.plan.targets
        assert targets is not None
        source = targets if lesson.first else self.plan.usual.pixels
        lot = np.random.default_rng([lesson.seed, 11]).permutation(len(source))
        network = copies.fresh(self.model)
        normalisation.adapt(self.model, network, source[lot[: normalisation.drawn(targets)]])
        advance(1)
        return copies.put_away(self.model, network, folder).fingerprint, (), 0, 0, (), 0.0

    def _read(self, lesson: Lesson, parts: list[tuple[str, Ints | None]]) -> Features:
        """(n, d) features of the lesson's images; those of pictures that nothing changes are read once."""
        if lesson.change is not None:
            rng = np.random.default_rng([lesson.seed, 8])
            return self._through(lesson.pile, lesson.change, rng, lesson.held)
        piles = {"usual": self.plan.usual, "added": self.plan.added, "spare": self.plan.spare}
        made = []
        for name, at in parts:
            if name not in self._features:
                pile = piles[name]
                assert pile is not None
                self._features[name] = self._through(pile, None, None, None)
            made.append(self._features[name] if at is None else self._features[name][at])
        return np.concatenate(made)

    def _through(
        self, pile: Pile, change: augment.Change | None, rng: np.random.Generator | None, held: Mask | None
    ) -> Features:
        self._reads, read = best_reader(self.model)
        if self.plan.way == "last" and self._reads == "log_scores":
            raise RetryError("This model shows no inner layers; its last layer can't be trained alone.")
        made = []
        for start in range(0, len(pile), BATCH):
            at = np.arange(start, min(start + BATCH, len(pile)), dtype=np.int64)
            pictures = pile.pixels[at]
            if change is not None and rng is not None and held is not None:
                changed = change(pictures, at, rng)
                pictures = np.where(held[at][:, None, None, None], pictures, changed)
            made.append(read(pictures))
        return np.concatenate(made)


def put_head(network: Any, layer: str, weight: Any, bias: Any) -> None:
    """Set the weights of the linear layer called ``layer``. What it lacks an offset for goes without one."""
    import torch

    child = dict(network.named_modules())[layer]
    with torch.no_grad():
        child.weight.copy_(torch.as_tensor(np.asarray(weight), dtype=child.weight.dtype))
        if child.bias is not None:
            child.bias.copy_(torch.as_tensor(np.asarray(bias), dtype=child.bias.dtype))


def write_history(path: Path, history: tuple[Round, ...]) -> None:
    """The training record, in a form that ``training_record`` reads; what was not measured is left empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        names = list(Round.__dataclass_fields__)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in history:
            values = [getattr(row, name) for name in names]
            writer.writerow(["" if v != v else f"{v:.6g}" for v in values])


def _state(folder: Path) -> Path:
    """Where the training of the version in ``folder`` saves how far it is."""
    return folder.parent / f"{folder.name}.{CHECKPOINT}"


def _told(folder: Path, version: ModelVersion) -> Made:
    """A version that is there already, with what its folder says of its training."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        history = tuple(
            Round(**{k: float("nan") if v is None else v for k, v in r.items()}) for r in record["history"]
        )
        return Made(version, history, int(record["best"]), len(history), tuple(record["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Made(version, (), 0, 0, ())


def name_for(view: CaseView, key: str) -> str:
    """The name of the repair with this key: the one that was begun, else the first free one, which is then written down."""
    root = view.workspace("R1").parent
    taken = {v.repair for v in view.versions()}
    number = 1
    while True:
        name = f"R{number}"
        place = root / name / "plan.json"
        begun = _key_of(place)
        if begun == key or (begun == "" and name not in taken):
            break
        number += 1
    view.workspace(name)
    place.write_text(json.dumps({"key": key}) + "\n", encoding="utf-8")
    return name


def _key_of(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
