"""How often verify_correction is right about repairs whose truth is known: small worlds, linear models really trained.

Twenty fresh worlds a kind of repair (images, training set, seeds and all), three seeds of both arms each, judged by the
tool itself on untouched images. One command, about eight minutes on one core:

    python -m benchmarks.corrections [--worlds 20] [--first 0] [--keep FILE.jsonl] [--out benchmarks/corrections.md]

The pictures hold a class pattern in noise, a coloured corner that goes with one class in training alone, and a tint that
means nothing. Repairs: **collect** adds images that break the tie; **nothing** adds what the control adds, drawn again;
**identical** relabels no image, so that both arms are the same; **irrelevant** changes the tint at random while training;
**any** trains longer in both arms, so that both improve; **trade** adds so many images of one kind that the corner comes
to speak against the class; **relabel** mends wrong training labels; **calm** fits one temperature to an overconfident
model; **chosen** does nothing for a slice that was only chosen for its many errors on these very images; **seed** is one
run against one run. All but the last have 3 seeds. Beside it stands what a plain before/after comparison of one version
would have said (McNemar, p ≤ 0.05).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.changes.groups import finding_mask
from failsight.tools.changes.measures import paired
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.stats.intervals import wilson
from failsight.tools.verify_correction import verify_correction
from tests.fakes.repairs import QuickView
from tests.fakes.view import FakeModel, FakeTable

Array = np.ndarray[Any, Any]
CLASSES = ("stone", "wood")
SIDE = 8
EVALUATED, TRAINED, ADDED, SEEDS = 1600, 800, 240, 3
ARMS = ("before", "repair", "control")
WANTED: Mapping[str, tuple[str, ...]] = {
    "collect": ("verified",),
    "nothing": ("no effect",),
    "identical": ("no effect",),
    "irrelevant": ("no effect",),
    "any": ("no effect",),
    "trade": ("traded away",),
    "relabel": ("verified",),
    "calm": ("verified",),
    "chosen": ("no effect", "inconclusive"),
    "seed": ("inconclusive",),
}


@dataclass(frozen=True)
class Pictures:
    """Images with what is in them: (n, 8, 8, 3) pixels, class, corner and tint."""

    pixels: Array
    labels: Array
    corner: Array
    warm: Array

    def take(self, at: Array) -> Pictures:
        return Pictures(self.pixels[at], self.labels[at], self.corner[at], self.warm[at])

    def plus(self, other: Pictures) -> Pictures:
        return Pictures(*(np.concatenate(p) for p in zip(_parts(self), _parts(other), strict=True)))


def _parts(one: Pictures) -> tuple[Array, Array, Array, Array]:
    return one.pixels, one.labels, one.corner, one.warm


class World:
    """One world: its class pattern, and the tie of corner and class in training."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 71])
        self.pattern = self.rng.choice([-1.0, 1.0], (SIDE, SIDE))

    def draw(
        self,
        n: int,
        tie: float,
        rng: Array | None = None,
        labels: Array | None = None,
        corner: Array | None = None,
    ) -> Pictures:
        """``tie``: chance of the corner among wood minus that among stone, about one half (one third where 0)."""
        r: Any = self.rng if rng is None else rng
        y = r.integers(0, 2, n) if labels is None else labels
        base = 1 / 3 if tie == 0 else 0.5
        shown = r.random(n) < base + tie / 2 * np.where(y == 1, 1, -1) if corner is None else corner
        warm = r.random(n) < 0.5
        x = np.full((n, SIDE, SIDE, 3), 120.0) + r.normal(0, 34, (n, SIDE, SIDE, 3))
        x[..., 1] += (14 * (2 * y - 1))[:, None, None] * self.pattern * r.gamma(2, 0.5, n)[:, None, None]
        x[:, :2, :2, 2] += np.where(shown, 110, 0)[:, None, None]
        x[..., 0] += np.where(warm, 30, -30)[:, None, None]
        return Pictures(np.clip(x, 0, 255).astype(np.uint8), y, shown, warm)


def train(
    made: Pictures,
    seed: int,
    *,
    epochs: int = 6,
    weights: Array | None = None,
    tint: float = 0.0,
    scale: float = 1.0,
) -> FakeModel:
    """Logistic regression on pixels by stochastic gradients: order, start and the tint's change hang on the seed."""
    rng = np.random.default_rng([seed, 5])
    x = (made.pixels.reshape(len(made.pixels), -1).astype(float) - 120) / 60
    w, b = rng.normal(0, 0.05, x.shape[1]), 0.0
    chance = None if weights is None else weights / weights.sum()
    for _ in range(epochs * len(x) // 32):
        at = rng.choice(len(x), 32, p=chance)
        part = x[at]
        if tint:
            part = part.copy()
            part.reshape(32, -1, 3)[..., 0] += rng.normal(0, tint, (32, 1))
        gap = 1 / (1 + np.exp(-(part @ w + b))) - made.labels[at]
        w -= 0.05 * (part.T @ gap / 32 + 2e-3 * w)
        b -= 0.05 * float(gap.mean())

    def rule(p: Array) -> Array:
        value = scale * (((p * 255).reshape(len(p), -1) - 120) / 60 @ w + b)
        return np.stack([-value / 2, value / 2], 1)

    model = FakeModel(rule, CLASSES, (SIDE, SIDE))
    model.fingerprint = f"{seed}-{w[0]:.9f}-{b:.9f}-{scale:g}"
    return model


def scaled(model: FakeModel, by: float) -> FakeModel:
    """The same answers, surer or less sure."""
    made = FakeModel(lambda p: by * model.rule(p), CLASSES, (SIDE, SIDE))
    made.fingerprint = f"{model.fingerprint}*{by:.6f}"
    return made


@dataclass(frozen=True)
class Repair:
    """The models of one repair, by seed, and the finding that it is for."""

    before: FakeModel
    repair: list[FakeModel]
    control: list[FakeModel]
    finding: Finding


CUE = Finding("spurious_correlation", "features", "data_content", "The corner draws to wood.", slice={"corner": "yes"}, class_name="wood", verdict="confirmed")  # fmt: skip
NOISE = Finding("label_noise", "correctness", "data_content", "Labels of wood are wrong.", class_name="wood", verdict="confirmed")  # fmt: skip
SURE = Finding("overconfidence", "correctness", "training_parameter", "It is too sure.", verdict="confirmed")


def _seeds(base: int, arm: int) -> list[int]:
    return [base * 1000 + 100 * arm + s for s in range(1, SEEDS + 1)]


def repair_of(kind: str, number: int, images: int = EVALUATED) -> tuple[Repair, Pictures]:
    """One world with a repair of this kind, and its evaluation images."""
    world = World(number)
    evaluated, usual = world.draw(images, 0.0), world.draw(TRAINED, 0.9)
    before = train(usual, number * 1000)
    more = [world.draw(ADDED, 0.9) for _ in range(2 * SEEDS)]
    control = [train(usual.plus(m), s) for m, s in zip(more, _seeds(number, 1), strict=False)]
    finding = CUE
    repair: list[FakeModel]
    if kind in ("collect", "seed"):
        counter = world.draw(ADDED, 0.0, labels=(y := world.rng.integers(0, 2, ADDED)), corner=y == 0)
        repair = [
            train(usual.plus(counter), s, weights=_weigh(usual, counter, 1.0)) for s in _seeds(number, 2)
        ]
    elif kind == "nothing":
        repair = [train(usual.plus(m), s) for m, s in zip(more[SEEDS:], _seeds(number, 2), strict=True)]
    elif kind == "identical":
        repair = control
    elif kind == "irrelevant":
        repair = [train(usual.plus(m), s, tint=0.5) for m, s in zip(more, _seeds(number, 2), strict=False)]
    elif kind == "any":
        free = world.draw(3 * ADDED, 0.0)
        control = [train(usual.plus(free), s, epochs=9) for s in _seeds(number, 1)]
        repair = [train(usual.plus(free), s, epochs=9) for s in _seeds(number, 2)]
    elif kind == "trade":
        stone = world.draw(ADDED, 0.0, labels=np.zeros(ADDED, int), corner=np.ones(ADDED, bool))
        repair = [train(usual.plus(stone), s, weights=_weigh(usual, stone, 6.0)) for s in _seeds(number, 2)]
    elif kind == "relabel":
        finding, free = NOISE, world.draw(TRAINED, 0.0)
        wrong = (free.labels == 1) & (world.rng.random(TRAINED) < 0.35)
        noisy = dataclasses.replace(free, labels=np.where(wrong, 0, free.labels))
        before = train(noisy, number * 1000)
        control = [train(noisy, s) for s in _seeds(number, 1)]
        repair = [train(free, s) for s in _seeds(number, 2)]
    elif kind == "chosen":
        control = [train(usual, s) for s in _seeds(number, 1)]
        repair = [train(usual, s) for s in _seeds(number, 2)]
        finding = _worst(before, evaluated)
    else:  # calm
        finding = SURE
        plain, before = before, scaled(before, 4.0)
        held = world.draw(400, 0.0)
        fit = [_temperature(plain, held.take(world.rng.integers(0, 400, 400))) for _ in range(SEEDS)]
        control, repair = [before] * SEEDS, [scaled(plain, by) for by in fit]
    return Repair(before, repair, control, finding), evaluated


def notes(n: int) -> dict[str, list[str]]:
    """Eight columns that mean nothing."""
    rng = np.random.default_rng(n)
    return {
        f"note {i}": np.array(["a", "b", "c", "d", "e", "f"])[rng.integers(0, 6, n)].tolist()
        for i in range(8)
    }


def _worst(model: FakeModel, evaluated: Pictures) -> Finding:
    """The value of a meaningless column, and class, with the most errors."""
    wrong = model.rule(evaluated.pixels / 255).argmax(1) != evaluated.labels
    found = []
    for name, values in notes(len(wrong)).items():
        for value in "abcdef":
            for c in (0, 1):
                inside = (np.array(values) == value) & (evaluated.labels == c)
                found.append((float(wrong[inside].mean()), name, value, CLASSES[c]))
    _, name, value, of = max(found)
    return Finding(
        "weak_slice",
        "correctness",
        "unknown",
        "Weak by chance.",
        slice={name: value},
        class_name=of,
        verdict="confirmed",
    )


def _weigh(usual: Pictures, added: Pictures, by: float) -> Array:
    return np.concatenate([np.ones(len(usual.labels)), np.full(len(added.labels), by)])


def _temperature(model: FakeModel, held: Pictures) -> float:
    """The scale of the outputs with the smallest loss on held images."""
    value = model.rule(held.pixels / 255)
    gap = value[np.arange(len(value)), held.labels] - value[np.arange(len(value)), 1 - held.labels]
    scales = np.geomspace(0.05, 8, 60)
    return float(scales[np.argmin([np.logaddexp(0, -s * gap).mean() for s in scales])])


def case(made: Repair, evaluated: Pictures, seeds: int = SEEDS) -> QuickView:
    """The repair as a case that the tool can look at; eight columns that mean nothing besides."""
    columns = {
        "corner": np.where(evaluated.corner, "yes", "no").tolist(),
        "tint": np.where(evaluated.warm, "warm", "cold").tolist(),
    }
    columns |= notes(len(evaluated.labels))
    view = QuickView(
        {"data": FakeTable(evaluated.pixels, evaluated.labels.tolist(), CLASSES, columns)}, made.before
    )
    view.stated.append(("F1", made.finding))
    view.recorded.append(
        Evidence("test_by_masking", "Found", "Found.", {}, findings=(made.finding,), id="E1")
    )
    for seed in range(1, seeds + 1):
        for arm, name, models in (
            ("repair", f"R1.{seed}", made.repair),
            ("control", f"R1.c{seed}", made.control),
        ):
            model = models[seed - 1]
            view.made_versions.append(
                ModelVersion(name, "R1", arm, seed, "collect", "F1", f"repair/R1/{name}", model.fingerprint)  # type: ignore[arg-type]
            )
            view.given_versions[name] = model
    return view


def judge(kind: str, number: int, images: int = EVALUATED) -> tuple[Evidence, bool]:
    """What the tool says of one repair of this kind; and whether a plain before/after comparison would call it a success."""
    made, evaluated = repair_of(kind, number, images)
    view = case(made, evaluated, 1 if kind == "seed" else SEEDS)
    base, after = view.predictions(), view.version("R1.1").predictions()
    inside = finding_mask(view, "data", base, made.finding)  # type: ignore[arg-type]
    assert inside is not None
    counts = paired(base.correct[inside], after.correct[inside])
    return verify_correction(view, features=False), counts.p <= 0.05 and counts.difference > 0


@dataclass(frozen=True)
class Judged:
    """What the tool said of one world: verdict, what a plain comparison would say, mean errors of the target."""

    kind: str
    number: int
    images: int
    verdict: str
    plain: bool
    before: float
    repair: float
    control: float


def outcome(kind: str, number: int, images: int = EVALUATED) -> Judged:
    """One world, judged."""
    found, improved = judge(kind, number, images)
    name = "ece" if kind == "calm" else "error_rate"
    means = [float(found.fact(name, f"target, {arm}").value or 0.0) for arm in ARMS]
    return Judged(kind, number, images, str(found.fact("verdict", "R1").value), improved, *means)


def rates(
    worlds: int,
    kinds: tuple[str, ...] = tuple(WANTED),
    images: int = EVALUATED,
    say: Callable[[str], None] = print,
    keep: Path | None = None,
    first: int = 0,
) -> list[Judged]:
    """All worlds of all kinds, from number ``first`` on; those that ``keep`` holds from an earlier run are taken from there."""
    known = {(j.kind, j.number, j.images): j for j in _kept(keep)}
    made = []
    for kind in kinds:
        began = time.perf_counter()
        for number in range(first, first + worlds):
            one = known.get((kind, number, images))
            if one is None:
                one = outcome(kind, number, images)
                if keep is not None:
                    with keep.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(dataclasses.asdict(one)) + "\n")
            made.append(one)
        say(
            f"{kind}: {dict(Counter(j.verdict for j in made if j.kind == kind))} ({time.perf_counter() - began:.1f} s)"
        )
    return made


def _kept(path: Path | None) -> list[Judged]:
    """The worlds that an earlier run judged; a line that was cut off is none."""
    if path is None or not path.is_file():
        return []
    made = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            made.append(Judged(**json.loads(line)))
        except ValueError:
            continue
    return made


def markdown(judged: list[Judged], worlds: int, images: int) -> str:
    """The table for people."""
    lines = [
        f"{images:,} evaluation images, {worlds} worlds a kind, {SEEDS} seeds of both arms.",
        "Target: what the repair is for (stone with the corner, wood, a slice, or the calibration error), mean over worlds.",
        "",
        "| repair | target before | repair | control | should be | is | 95 % interval | otherwise | plain before/after says yes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(j.kind for j in judged):
        own = [j for j in judged if j.kind == kind]
        verdicts = Counter(j.verdict for j in own)
        right = sum(verdicts[v] for v in WANTED[kind])
        low, high = wilson(right, len(own))
        rest = ", ".join(f"{v} {n}" for v, n in verdicts.items() if v not in WANTED[kind]) or "–"
        figures = " | ".join(f"{100 * np.mean([getattr(j, arm) for j in own]):.1f} %" for arm in ARMS)
        plain = "–" if kind == "calm" else f"{sum(j.plain for j in own)} of {len(own)}"
        lines.append(
            f"| {kind} | {figures} | {' or '.join(WANTED[kind])} | {right} of {len(own)} | [{100 * low:.0f}, {100 * high:.0f}] % | {rest} | {plain} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first world")
    parser.add_argument("--images", type=int, nargs="+", default=[EVALUATED, EVALUATED // 4])
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--keep", type=Path, help="JSON lines of the worlds judged so far; a later run goes on from there"
    )
    parser.add_argument("--kinds", nargs="*", choices=tuple(WANTED), default=tuple(WANTED))
    options = parser.parse_args()
    parts = [
        "# Does verify_correction tell repairs apart?",
        "",
        "`python -m benchmarks.corrections` (see the module for the worlds).",
        "",
    ]
    kinds = tuple(options.kinds)
    parts += [
        markdown(
            rates(options.worlds, kinds, images, keep=options.keep, first=options.first),
            options.worlds,
            images,
        )
        for images in options.images
    ]
    made = "\n".join(parts)
    print(made)
    if options.out:
        options.out.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
