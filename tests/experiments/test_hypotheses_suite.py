"""The benchmark of experiments judges rightly: what is asked, what is true of a model, what is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hypotheses import rooms, trials
from benchmarks.hypotheses.questions import RECIPE, SMALL, Group, Question, groups, trained_group
from benchmarks.hypotheses.report import markdown, share
from benchmarks.hypotheses.trials import Result, append, load, run
from benchmarks.hypotheses.truth import truth
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.world import WorldConfig, plan
from tests.fakes.view import FakeModel


def result(**given: object) -> Result:
    fields = {
        "recipe": RECIPE, "seed": 1, "group": "demo", "family": "bug", "cue": "cat", "label": "kitchen",
        "tool": "test_by_masking", "verdict": "confirmed", "effect": 0.3, "low": 0.2, "high": 0.4, "p": 1e-4, "q": 1e-3,
        "n": 60, "detectable": 0.04, "told": True, "earlier": 0, "slope": 0.3, "monotone": True, "true_effect": 0.3,
        "true_low": 0.2, "true_high": 0.4, "state": "uses", "seconds": 1.0,
    }  # fmt: skip
    return Result(**{**fields, **given})  # type: ignore[arg-type]


def test_a_seed_asks_the_demos_bugs_and_decoys_by_both_instruments_in_one_case() -> None:
    demo, trained = groups(3)
    asked = [(question.cue, question.label) for question, _ in demo.questions]
    for pair in (
        ("television", "living_room"),
        ("cat", "kitchen"),
        ("stools", "dining_room"),
        ("plant", "bedroom"),
    ):
        assert asked.count(pair) == 2
    (late,) = {question for question, _ in demo.questions if question.family == "late"}
    shares = {
        label: np.mean(
            [
                d.attributes[late.cue] == "yes"
                for d in plan(demo.world, "eval", demo.count)
                if d.truth == label
            ]
        )
        for label in CLASSES
    }
    assert shares[late.label] >= 0.69
    assert max(v for k, v in shares.items() if k != late.label) <= 0.25
    assert demo.world.mixes["train"].keys() == replace(demo.world).mixes["train"].keys()
    assert late.cue not in demo.world.mixes["train"]  # the model was not taught that
    assert trained.trains
    assert list(groups(3)) == [demo, trained]
    assert trained_group(3) == trained != trained_group(4)


def brightness(pixels: np.ndarray) -> np.ndarray:
    """The darker the picture, the more kitchen."""
    dark = 1 - pixels.mean((1, 2, 3))
    return np.stack([np.zeros_like(dark)] * 3 + [8 * dark - 4, np.zeros_like(dark)], 1)


@pytest.mark.parametrize("reads", [True, False])
def test_twins_tell_what_a_cue_does(reads: bool) -> None:
    world = WorldConfig("test", seed=5, size=32)
    rule = brightness if reads else lambda x: np.zeros((len(x), 5))
    model = FakeModel(rule, CLASSES, (32, 32))
    question = Question("trained", "television", "kitchen")
    masked = truth(model, world, 60, question, "test_by_masking", 0.05 if not reads else 0.01)
    added = truth(model, world, 60, question, "test_by_adding", 0.05)
    assert masked.n == 20  # four of twelve in each class show one
    assert added.n == 32  # the others that are no kitchens
    assert masked.ci[0] <= masked.effect <= masked.ci[1]
    assert masked.state == ("uses" if reads else "ignores")  # a television is dark
    assert (masked.effect > 0) == (added.effect > 0) == reads


def test_what_a_file_holds_is_not_asked_again_and_a_torn_line_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def ask(group: Group) -> list[Result]:
        asked.append((group.name, group.seed))
        return [
            result(
                seed=group.seed, group=group.name, family=question.family, cue=question.cue, label=question.label, tool=tool,
                state="ignores" if question.family != "bug" else "uses",
            )
            for question, tool in group.questions
        ]  # fmt: skip

    monkeypatch.setattr(trials, "ask", ask)
    out = tmp_path / "results.jsonl"
    first = run([1, 2], out, lambda line: None)
    assert asked == [("demo", 1), ("demo", 2), ("trained", 1), ("trained", 2)]
    with out.open("a") as file:
        file.write('{"recipe": 4, "se')
    append(out, [result(recipe=-1)])
    assert load(out) == first
    assert run([1, 2], out, lambda line: None) == first
    assert len(asked) == 4


def test_networks_are_drawn_until_enough_ignore_their_cue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(group: Group) -> list[Result]:
        state = "uses" if group.seed == 1 else "ignores"
        return [
            result(seed=group.seed, group=group.name, family=question.family, tool=tool, state=state)
            for question, tool in group.questions
        ]

    monkeypatch.setattr(trials, "ask", ask)
    made = run([1, 2], tmp_path / "results.jsonl", lambda line: None)
    assert sorted({r.seed for r in made if r.family == "trained"}) == [1, 2, 3]


def test_the_report_counts_and_names_what_went_wrong() -> None:
    made = [
        result(),
        result(tool="test_by_adding", monotone=False),
        result(family="known", cue="plant", label="bedroom", verdict="refuted", state="ignores"),
        result(family="trained", cue="lamp", verdict="confirmed", state="ignores", seed=9),
        result(family="trained", cue="lamp", verdict="confirmed", state="uses", seed=8),
        result(family="trained", cue="lamp", verdict="refuted", state="between", seed=7),
    ]
    told = "\n".join(markdown(made))
    assert "Confirmed by both instruments: 1/1 1.00 [0.21, 1.00]; with monotone doses in both: 0/1" in told
    assert "| all | both | 1/2 0.50" in told
    assert "- trained 9: lamp → kitchen by masking: confirmed" in told
    assert "trained 8" not in told
    assert "trained 7" not in told
    assert share(0, 0) == "–"


def test_the_boxes_of_the_rooms_lie_inside_and_leave_room_for_a_control() -> None:
    drawn = rooms.boxes()
    assert {name for name, _ in drawn.values()} == {"stove", "tub"}
    assert len(drawn) == 47
    for x0, y0, x1, y1 in (box for _, box in drawn.values()):
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        assert (x1 - x0) * (y1 - y0) < 0.5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_trained_network_is_asked_for_real() -> None:
    made = list(trials.ask(trained_group(101)))
    assert [r.tool for r in made] in (
        ["test_by_masking", "test_by_adding"],
        ["test_by_adding", "test_by_masking"],
    )
    assert all(r.state in ("uses", "ignores", "between") for r in made)
    assert SMALL == 64
