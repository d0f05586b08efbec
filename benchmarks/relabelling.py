"""Wrong training labels, from the confirmed finding to the verified repair: what relabelling brings, and what it does not.

    python -m benchmarks.relabelling [--worlds 6] [--first 0] [--ways suspects wrong] [--keep FILE.jsonl] [--out benchmarks/relabelling.md]

Each world is a clean one of the practice family (``knowledge_base.cases.family``) with new pictures and with one careless
annotator among three: of the training pictures that B labelled (two fifths), half are taken for another class, each class for one. The labels
of the evaluation pictures are right. A small network learns from these labels; then everything goes the way that a person
would go: ``label_noise`` on the training labels, the suspects out as a file, a person who gives each listed picture its true
class and knows nothing else, the file back, ``retrain`` with strategy relabel (three seeds of both arms; labels of B that nobody looked at are
left out, the control leaves out as many pictures by lot and trains as long on the labels as they were), ``verify_correction`` on the
evaluation pictures.

Beside it stand two repairs of the same form: **by lot**: the person looks at as many training pictures, drawn by lot instead of
listed; **wrong**: as many labels as relabelling changed are changed to another class by lot. Both learn from all pictures, so that nothing but the
labels differs from their control.

The rules were made on worlds 10 to 13, one of them after a failure in world 0; see the page for what was tried there.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.agent.people.labels import export, read_back
from failsight.knowledge_base.cases.family import prepare_case
from failsight.tools.evidence import Evidence

Rows = list[dict[str, str]]
COUNTS = {"train": 3000, "eval": 1500, "deploy": 20}
SIDE = 48
CARELESS, THEIRS = "B", 0.4  # who, and the share of the training pictures that they labelled
NOISE = 0.5  # share of them that is labelled wrongly
LISTED = 580  # suspects that the person looks at
SEEDS = 3  # of both arms
EPOCHS, BATCH, RATE = 4, 50, 0.02
WAYS = ("suspects", "by lot", "wrong")


@dataclass(frozen=True)
class World:
    """A case on disk. ``truth``: path of a training picture → its class; ``given``: arguments of ``open_case``."""

    given: dict[str, Any]
    truth: dict[str, str]
    labels: dict[str, str]


@dataclass(frozen=True)
class Judged:
    """What one way of relabelling came to in one world, on evaluation pictures.

    ``before``, ``repair``, ``control``: share answered the way of the wrong labels; ``all_…``: of all errors.
    """

    world: int
    way: str
    finding: str
    wrong: int
    looked_at: int
    changed: int
    verdict: str
    before: float
    repair: float
    control: float
    q: float
    worse: int
    all_before: float
    all_repair: float
    all_control: float


def make_world(number: int, home: Path) -> World:
    """Draw the pictures, spoil the training labels, train a network on them."""
    demo = prepare_case(home / "pictures", "clean", seed=100 + number, counts=COUNTS)
    rng = np.random.default_rng([number, 97])
    rows = read(demo.train)
    order = rng.permutation(demo.classes).tolist()
    taken = dict(zip(order, order[1:] + order[:1], strict=True))
    truth = {r["path"]: r["label"] for r in rows}
    for row in rows:
        row["annotator"] = str(
            rng.choice(["A", CARELESS, "C"], p=[(1 - THEIRS) / 2, THEIRS, (1 - THEIRS) / 2])
        )
        if row["annotator"] == CARELESS and rng.random() < NOISE:
            row["label"] = taken[row["label"]]
    write(demo.train, rows)
    model = _network(home / "model", demo.train.parent, rows, demo.classes, number)
    given = {
        "model": str(model),
        "data": str(demo.data),
        "train": str(demo.train),
        "out": home / "case",
        "name": f"annotators {number}",
    }
    return World(given, truth, {r["path"]: r["label"] for r in rows})


def read(path: Path) -> Rows:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Rows as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _network(folder: Path, home: Path, rows: Rows, classes: Sequence[str], seed: int) -> Path:
    """Three small convolutions trained on the labels as they are, as TorchScript with its side file."""
    import warnings

    import torch
    from PIL import Image
    from torch.nn.functional import cross_entropy

    from benchmarks.planted.training import _network as build

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 98])
    small = [Image.open(home / r["path"]).resize((SIDE, SIDE), Image.Resampling.BOX) for r in rows]
    pictures = torch.from_numpy(np.stack([np.asarray(p) for p in small])).permute(0, 3, 1, 2).float()
    pictures = (pictures / 255 - 0.55) / 0.25
    labels = torch.tensor([classes.index(r["label"]) for r in rows])
    net = build(len(classes)).train()
    steps = -(-len(labels) // BATCH)
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps * EPOCHS, pct_start=0.2)
    for _ in range(EPOCHS):
        for at in np.array_split(rng.permutation(len(labels)), steps):
            loss = cross_entropy(net(pictures[at]), labels[at])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.jit.trace(net.eval(), torch.zeros(2, 3, SIDE, SIDE)).save(str(folder / "model.pt"))  # type: ignore[no-untyped-call]
    side = {
        "classes": list(classes), "input_size": [SIDE, SIDE], "interpolation": "box", "mean": [0.55] * 3, "std": [0.25] * 3,
        "channels": "RGB", "outputs": "logits",
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(side))
    return folder / "model.pt"


def find(case: Case) -> str:
    """The id of the confirmed finding about the training labels: the annotator, else labels in general; empty for none."""
    case.call("label_noise", {"split": "train"}, by="person")
    noise = [r for r in case.state().confirmed() if r.finding.kind == "label_noise"]
    noise.sort(key=lambda r: (r.finding.slice or {}).get("annotator") != CARELESS)
    return noise[0].id if noise else ""


def relabel(case: Case, world: World, home: Path) -> tuple[int, int]:
    """The suspects out, looked at by somebody who sees the picture alone, and back in; how many were looked at and how many changed."""
    path = home / "suspects.csv"
    export(case, path, split="train", top=LISTED)
    rows = read(path)
    for row in rows:
        row["new_label"] = world.truth[row["path"]]
    write(path, rows)
    read_back(case, path, split="train")
    return len(rows), sum(world.truth[r["path"]] != world.labels[r["path"]] for r in rows)


def by_lot(world: World, looked: int, rng: np.random.Generator) -> Rows:
    """As many pictures by lot, with their true classes."""
    paths = rng.permutation(sorted(world.truth))[:looked].tolist()
    return [{"path": p, "label": world.truth[p]} for p in paths]


def by_mistake(world: World, changed: int, rng: np.random.Generator) -> Rows:
    """As many labels as were changed, changed to another class by lot."""
    names = sorted(set(world.truth.values()))
    made = []
    for path in rng.permutation(sorted(world.truth))[:changed].tolist():
        others = [c for c in names if c != world.labels[path]]
        made.append({"path": path, "label": str(rng.choice(others))})
    return made


def judge(number: int, ways: Sequence[str] = WAYS) -> list[Judged]:
    """One world, every way in turn. Empty where the finding is not confirmed."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        world = make_world(number, home)
        with open_case(**world.given) as case:
            found = find(case)
            if not found:
                return []
            looked, changed = relabel(case, world, home)
            wrong = sum(world.truth[p] != c for p, c in world.labels.items())
            made = []
            for way in ways:
                rng = np.random.default_rng([number, 99, WAYS.index(way)])
                asked: dict[str, Any] = {"finding": found, "strategy": "relabel", "seeds": SEEDS}
                if way != "suspects":
                    rows = by_lot(world, looked, rng) if way == "by lot" else by_mistake(world, changed, rng)
                    asked["data"] = str(write(home / f"{way.replace(' ', '_')}.csv", rows))
                    asked["unseen"] = "keep"
                told, _ = case.call("retrain", asked, by="person")
                count = int(value(told, "relabelled_images"))
                name = next(f.of.split()[-1] for f in told.facts if f.name == "versions")
                verified, _ = case.call("verify_correction", {"repair": name, "features": False}, by="person")
                statement = next(f.statement for i, f in case.findings() if i == found)
                before, repair, control = (
                    value(verified, "error_rate", f"target, {arm}") for arm in ("before", "repair", "control")
                )
                made.append(
                    Judged(
                        number, way, statement, wrong, 0 if way == "wrong" else looked, count,
                        str(next(f.value for f in verified.facts if f.name == "verdict")), before, repair, control,
                        value(verified, "q", "target"), int(value(verified, "groups_worse")),
                        *(value(verified, "error_rate", arm) for arm in ("before", "repair", "control")),
                    )
                )  # fmt: skip
            return made


def value(made: Evidence, name: str, of: str | None = None) -> float:
    """The value of a fact."""
    found = next(f.value for f in made.facts if f.name == name and (of is None or f.of == of))
    assert isinstance(found, int | float)
    return float(found)


def markdown(judged: Iterable[Judged], worlds: int) -> str:
    """The table for people."""
    rows = list(judged)
    confirmed = len({j.world for j in rows})
    lines = [
        "# Wrong training labels, relabelled",
        "",
        "`python -m benchmarks.relabelling` (see the module for the worlds).",
        "",
        f"In {confirmed} of {worlds} worlds the finding was confirmed. Of {COUNTS['train']:,} training labels about {np.mean([j.wrong for j in rows]):.0f} are wrong; "
        f"{np.mean([j.looked_at for j in rows if j.way == WAYS[0]]):.0f} are looked at. {COUNTS['eval']:,} evaluation pictures judge, {SEEDS} seeds of both arms. Means over worlds. "
        "Target: pictures answered the way of the labels that were changed.",
        "",
        "| looked at | worlds | labels changed | target before | relabelled | control | all errors before | relabelled | control | verified | no effect | traded away | inconclusive | other groups worse |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    names = {
        "suspects": "the suspects",
        "by lot": "as many by lot",
        "wrong": "none: as many labels changed by lot",
    }
    for way in WAYS:
        own = [j for j in rows if j.way == way]
        if not own:
            continue
        arms = [f"{prefix}{arm}" for prefix in ("", "all_") for arm in ("before", "repair", "control")]
        errors = " | ".join(f"{100 * np.mean([getattr(j, a) for j in own]):.1f} %" for a in arms)
        counts = " | ".join(
            str(sum(j.verdict == v for j in own))
            for v in ("verified", "no effect", "traded away", "inconclusive")
        )
        lines.append(
            f"| {names[way]} | {len(own)} | {np.mean([j.changed for j in own]):.0f} | {errors} | {counts} | {sum(j.worse for j in own)} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=6)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument(
        "--keep", type=Path, help="JSON lines of what was judged so far; a later run goes on from there"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    known: list[Judged] = []
    if options.keep and options.keep.is_file():
        known = [Judged(**json.loads(line)) for line in options.keep.read_text().splitlines()]
    for number in range(options.first, options.first + options.worlds):
        ways = [w for w in options.ways if (number, w) not in {(j.world, j.way) for j in known}]
        if not ways:
            continue
        began = time.perf_counter()
        made = judge(number, ways)
        known += made
        if options.keep:
            with options.keep.open("a") as file:
                file.writelines(json.dumps(asdict(j)) + "\n" for j in made)
        print(number, *(asdict(j) for j in made), f"{time.perf_counter() - began:.0f} s", flush=True)
    asked = set(range(options.first, options.first + options.worlds))
    text = markdown(known, len(asked | {j.world for j in known}))
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
