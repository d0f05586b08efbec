"""Asking the questions: a case is made for each group, its tests run one after the other, each result is one line."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.hypotheses.questions import (
    EPOCHS,
    LEARNED_FROM,
    RATE,
    RECIPE,
    Group,
    Question,
    Tool,
    groups,
    trained_group,
)
from benchmarks.hypotheses.truth import Truth, truth

if TYPE_CHECKING:
    from failsight.agent.case import Case

ARCH = "failsight.knowledge_base.cases.model:build"
DOSES = (0.25, 0.5, 0.75)
MINIMUM_EFFECT = 0.05  # the tools' own default, which is what the truth is held against
MOST_IMAGES = 60  # a fifth of the tools' default for masking: what holds with so few holds with more
PATIENCE = 4  # trained networks a wanted decoy, after which the rest is given up


@dataclass(frozen=True)
class Result:
    """One test and what is true.

    Attributes:
        recipe, seed, group, family, cue, label, tool: what was asked.
        verdict: the instrument's own.
        effect, low, high, p, q, n: of the test; differences of probabilities.
        detectable: the smallest effect that this test shows with 80 % power, None when unknown.
        told: whether the summary says so.
        earlier: tests before it in its case.
        slope, monotone: of the doses, which are asked of bugs only.
        true_effect, true_low, true_high, state: of the twins.
        seconds: of processor time for the test.
    """

    recipe: int
    seed: int
    group: str
    family: str
    cue: str
    label: str
    tool: str
    verdict: str
    effect: float
    low: float
    high: float
    p: float
    q: float
    n: int
    detectable: float | None
    told: bool
    earlier: int
    slope: float
    monotone: bool
    true_effect: float
    true_low: float
    true_high: float
    state: str
    seconds: float

    @property
    def wanted(self) -> str | None:
        """The right verdict; None where the twins leave open what is true."""
        if self.family in ("bug", "known", "late"):
            return "confirmed" if self.family == "bug" else "refuted"
        return {"uses": "confirmed", "ignores": "refuted"}.get(self.state)


def run(seeds: Sequence[int], out: Path, say: Callable[[str], None]) -> list[Result]:
    """All results of some seeds, in order; what ``out`` holds is not asked again.

    Trained networks are drawn beyond the seeds, until as many as there are seeds ignore their cue (or patience ends).
    """
    known = load(out)
    began, fresh = time.monotonic(), 0

    def done(group: Group) -> list[Result]:
        nonlocal fresh
        kept = [r for r in known if r.group == group.name and r.seed == group.seed]
        if len(kept) == len(group.questions):
            return kept
        made = list(ask(group))
        fresh += 1
        append(out, made)
        known.extend(made)
        said = "; ".join(f"{r.cue} {r.tool[8:]} {r.verdict} ({r.state})" for r in made)
        say(f"{group.name} {group.seed}: {said}; {(time.monotonic() - began) / fresh:.0f} s a case")
        return made

    every = [group for seed in seeds for group in groups(seed)]
    every.sort(key=lambda group: group.trains)  # a run that is stopped has judged the planted bugs first
    results = [r for group in every for r in done(group)]
    extra = max(seeds) + 1
    while _ignored(results) < len(seeds) and extra <= max(seeds) + PATIENCE * len(seeds):
        results += done(trained_group(extra))
        extra += 1
    return results


def _ignored(results: Sequence[Result]) -> int:
    """Trained networks that ignore their cue, by both truths."""
    made: dict[int, list[str]] = {}
    for r in results:
        if r.family == "trained":
            made.setdefault(r.seed, []).append(r.state)
    return sum(all(state == "ignores" for state in states) for states in made.values())


def load(out: Path) -> list[Result]:
    """The results that a file holds, those of other recipes left out; a torn last line is dropped."""
    if not out.is_file():
        return []
    made = []
    for line in out.read_text(encoding="utf-8").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if fields.get("recipe") == RECIPE:
            made.append(Result(**fields))
    return made


def append(out: Path, results: Sequence[Result]) -> None:
    """Add the results of a whole case at once."""
    out.parent.mkdir(parents=True, exist_ok=True)
    torn = out.is_file() and not out.read_bytes().endswith(b"\n") and out.stat().st_size > 0
    with out.open("a", encoding="utf-8") as file:
        file.write("\n" * torn + "".join(json.dumps(asdict(r)) + "\n" for r in results))


def ask(group: Group) -> Iterator[Result]:
    """Draw the pictures, train where needed, run every test in one case, compare with the twins."""
    from failsight.agent import open_case
    from failsight.knowledge_base.cases.splits import make_world

    folder = Path(tempfile.mkdtemp(prefix="failsight-hypotheses-"))
    try:
        data = make_world(group.world, folder, {"eval": group.count}, processes=1)["eval"]
        case = open_case(
            model=str(_model(group, folder)), arch=ARCH, data=str(data), out=folder / "case", seed=group.seed
        )
        for earlier, (question, tool) in enumerate(group.questions):
            yield _one(case, group, question, tool, earlier)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _model(group: Group, folder: Path) -> Path:
    """Weights of the demo's model, or of a network trained now."""
    if not group.trains:
        shipped = resources.files("failsight.knowledge_base.cases").joinpath("rooms_model")
        return Path(str(shipped.joinpath("weights.safetensors")))
    from failsight.knowledge_base.cases.train import TrainConfig, save, train

    recipe = TrainConfig(epochs=EPOCHS, rate=RATE, seed=group.seed, threads=1)
    save(train(group.world, LEARNED_FROM, recipe), group.world, folder / "model")
    return folder / "model" / "weights.safetensors"


def _one(case: Case, group: Group, question: Question, tool: Tool, earlier: int) -> Result:
    place = "region" if tool == "test_by_masking" else "cue"
    arguments: dict[str, Any] = {
        place: f"box:{question.cue}",
        "class_name": question.label,
        "doses": DOSES if question.family == "bug" else (),
        "minimum_effect": MINIMUM_EFFECT,
        "max_images": MOST_IMAGES,
    }
    if tool == "test_by_masking":
        arguments["second_fill"] = None  # tells how robust the effect is, and decides nothing
    start = time.process_time()
    made = getattr(case, tool)(**arguments)
    seconds = time.process_time() - start
    test = made.findings[0].tests[-1]
    facts = {fact.name: fact for fact in made.facts if not fact.of}
    slope, monotone = facts.get("dose_slope"), facts.get("dose_monotone")
    detectable = facts["smallest_detectable_effect"].value
    true: Truth = truth(case.model(), group.world, group.count, question, tool, MINIMUM_EFFECT)
    return Result(
        recipe=RECIPE,
        seed=group.seed,
        group=group.name,
        family=question.family,
        cue=question.cue,
        label=question.label,
        tool=tool,
        verdict=test.verdict,
        effect=test.effect,
        low=test.ci[0],
        high=test.ci[1],
        p=test.p,
        q=1.0 if test.q is None else test.q,
        n=test.n,
        detectable=float(detectable) if isinstance(detectable, float) else None,
        told="with 80 % power" in made.summary,
        earlier=earlier,
        slope=float(slope.value) if slope and isinstance(slope.value, float) else float("nan"),
        monotone=bool(monotone and monotone.value),
        true_effect=true.effect,
        true_low=true.ci[0],
        true_high=true.ci[1],
        state=true.state,
        seconds=seconds,
    )
