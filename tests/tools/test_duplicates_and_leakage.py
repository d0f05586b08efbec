"""duplicates_and_leakage: planted copies, the plan before the comparison, and what leaked images do to accuracy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.copies.leakage import TOLERATED, disagreements, inflation, leaked_share
from failsight.tools.data_statistics import data_statistics
from failsight.tools.duplicates_and_leakage import duplicates_and_leakage
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Predictions
from tests.attributes.test_copies import recompressed, scene
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot

CLASSES = ["bath", "bed"]


@cache
def picture(seed: int) -> np.ndarray:
    return np.asarray(scene(seed, 48))


def world(leaked: int = 0, n: int = 60, folder: Path | None = None, seed: int = 0, **more: Any) -> FakeView:
    """``n`` evaluation and training pictures, the first ``leaked`` of both the same (half of them re-encoded).

    The model is right on leaked pictures and on 70 % of the others.
    """
    rng = np.random.default_rng(seed)
    data = [picture(1000 * seed + s) for s in range(n)]
    train = [picture(1000 * seed + 500 + s) for s in range(n)]
    for i in range(leaked):
        copy = scene(1000 * seed + i, 48)
        train[i] = np.asarray(copy if i % 2 else recompressed(copy, 92))
    labels = np.arange(n) % 2
    predicted = np.where((rng.random(n) < 0.7) | (np.arange(n) < leaked), labels, 1 - labels)
    tables = {
        s: FakeTable(np.stack(p), labels.copy(), CLASSES) for s, p in (("data", data), ("train", train))
    }
    view = FakeView(
        tables, scores={s: one_hot(predicted, 2) for s in tables}, folder=folder, seed=seed, **more
    )
    view.given_features = {s: f for s, (_, f) in features_small(tables).items()}
    return view


def features_small(tables: dict[str, FakeTable]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    made = {}
    for s, t in tables.items():
        grey = t.pixels.mean(3)[:, 4:44, 4:44].reshape(len(t), 4, 10, 4, 10).mean((2, 4))
        made[s] = (np.arange(len(t)), (grey + grey[:, :, ::-1]).reshape(len(t), -1).astype(np.float32))
    return made


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(duplicates_and_leakage)


def test_leakage_into_images_without_answers_is_still_found() -> None:
    view = world(leaked=12)
    view._tables["deploy"] = view._tables.pop("data")
    view._tables["data"] = FakeTable(np.stack([picture(7000 + s) for s in range(20)]), [0, 1] * 10, CLASSES)
    view._scores = {"data": one_hot(np.arange(20) % 2, 2)}
    made = duplicates_and_leakage(view)
    check_evidence(made)
    (finding,) = [f for f in made.findings if f.slice == {"split": "deploy"}]
    assert (finding.verdict, finding.n) == ("confirmed", 12)
    assert "Accuracy" not in finding.statement


def test_planted_leakage_is_confirmed_with_its_effect(tmp_path: Path) -> None:
    view = world(leaked=12, folder=tmp_path)
    made = duplicates_and_leakage(view)
    check_evidence(made)
    (finding,) = made.findings
    assert (finding.kind, finding.bug, finding.failure) == ("leakage", "data_engineering", "correctness")
    assert (finding.verdict, finding.n) == ("confirmed", 12)
    assert made.fact("leaked_exact").value == 6
    assert made.fact("leaked_share").value == pytest.approx(0.2)
    assert made.fact("accuracy_of_leaked").value == 1
    right = view.predictions("data").correct
    assert made.fact("accuracy_without_leaked").value == pytest.approx(right[12:].mean())
    assert made.fact("inflation").value == pytest.approx(right.mean() - right[12:].mean())
    assert finding.tests[0].control_effect == TOLERATED
    assert finding.tests[1].effect == made.fact("inflation").value
    assert made.images and len(made.images) % 2 == 0
    assert (tmp_path / made.figures[0].path).stat().st_size > 1000
    assert made.tables[0].rows[0][3] == "evaluation images, training images"


def test_the_plan_is_registered_before_pictures_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from failsight.tools import duplicates_and_leakage as module

    view = world(leaked=2)
    real, seen = module.find_copies, []
    monkeypatch.setattr(
        module, "find_copies", lambda *a, **k: seen.append(len(view.instruments)) or real(*a, **k)
    )
    made = duplicates_and_leakage(view)
    assert seen == [1]
    (plan,) = view.instruments
    assert plan.finding == made.findings[0].key == "leakage|||"
    assert plan.minimum_effect == TOLERATED
    assert made.fact("plan").value == plan.id


def test_a_clean_case_confirms_nothing() -> None:
    for seed in range(2):
        made = duplicates_and_leakage(world(seed=seed))
        assert made.findings == ()
        assert "none occurs twice" in made.summary
        assert made.fact("leaked_share").value == 0


def test_both_tools_say_the_same_of_leakage() -> None:
    """What data_statistics confirms by equal pictures alone, the closer look confirms as well, under the same key."""
    for leaked in (1, 8):
        view = world(leaked=leaked)
        quick = [f for f in data_statistics(view).findings if f.kind == "leakage"]
        (close,) = duplicates_and_leakage(view).findings
        for one in quick:
            assert one.key == close.key
            assert one.failure == close.failure
            assert one.verdict in (None, close.verdict)


def test_one_leaked_image_of_many_is_not_called_leakage() -> None:
    assert leaked_share(1, 1000).verdict == "inconclusive"
    assert leaked_share(0, 1000).verdict == "refuted"
    assert leaked_share(20, 1000).verdict == "confirmed"
    assert leaked_share(1, 20).verdict == "inconclusive"  # by chance in one of ten such sets
    assert leaked_share(0, 0).verdict == "inconclusive"


def test_at_the_tolerated_share_leakage_is_rarely_confirmed() -> None:
    drawn = np.random.default_rng(0).binomial(2000, TOLERATED, 2000)
    wrong = np.mean([leaked_share(int(k), 2000).verdict == "confirmed" for k in drawn])
    assert wrong <= 0.03


def test_labels_of_copies_are_compared() -> None:
    labels, others = np.array([0, 1, 1, -1]), np.array([0, 0, 1, 1])
    assert disagreements({0: [0], 1: [1, 3], 2: [2], 3: [0]}, labels, others) == (1, 3)
    view = world(leaked=4)
    view.table("train").labels[:2] = 1 - view.table("train").labels[:2]
    made = duplicates_and_leakage(view)
    assert made.fact("label_disagreement").value == 0.5
    noise = {f.about: f for f in made.findings if f.kind == "label_noise"}
    assert set(noise) == {"equal pictures under two labels", "nearly equal pictures under several labels"}
    assert all(f.verdict is None for f in noise.values())  # one group of each: a hypothesis
    assert any("another label in training" in n for n in made.notes)


def test_nearly_equal_pictures_under_several_labels_are_a_finding() -> None:
    """Flags of overseas territories: one picture, re-encoded, stands under several classes."""
    n = 24
    pictures = [
        picture(s // 2) if s % 2 else np.asarray(recompressed(scene(s // 2, 48), 92)) for s in range(n)
    ]
    view = FakeView(
        {"data": FakeTable(np.stack(pictures), [0, 1] * (n // 2), CLASSES)},
        scores={"data": one_hot(np.arange(n) % 2, 2)},
    )
    made = duplicates_and_leakage(view)
    check_evidence(made)
    (finding,) = [f for f in made.findings if f.kind == "label_noise"]
    assert finding.about == "nearly equal pictures under several labels" and finding.verdict == "confirmed"
    assert finding.n == n and "12 groups of nearly equal pictures carry several labels" in finding.statement
    assert finding.statement.endswith("as bath and bed.")
    assert "12 groups of nearly equal pictures carry several labels." in made.summary
    assert made.fact("contradictory_near_groups").value == 12
    assert any("join classes that no picture tells apart" in s for s in made.next_steps)


def test_a_mirrored_picture_may_be_of_another_class() -> None:
    pictures = [
        picture(s // 2) if s % 2 else picture(s // 2)[:, ::-1] for s in range(24)
    ]  # left and right hands
    view = FakeView(
        {"data": FakeTable(np.stack(pictures), [0, 1] * 12, CLASSES)},
        scores={"data": one_hot(np.arange(24) % 2, 2)},
    )
    made = duplicates_and_leakage(view)
    assert made.fact("verified_duplicates").value >= 10
    assert not [f for f in made.findings if f.kind == "label_noise"]


def test_of_tiny_pictures_only_equal_ones_are_copies() -> None:
    """Digits of 8 × 8: enlarged, different ones agree as well as copies do. Equal ones still count."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.repeat((digits.images / 16 * 255).astype(np.uint8)[..., None], 3, 3)
    train, data = pixels[:900].copy(), pixels[900:1400].copy()
    data[:3] = train[:3]
    tables = {
        "data": FakeTable(data, digits.target[900:1400], [str(i) for i in range(10)]),
        "train": FakeTable(train, digits.target[:900], [str(i) for i in range(10)]),
    }
    view = FakeView(
        tables,
        scores={"data": one_hot(digits.target[900:1400], 10), "train": one_hot(digits.target[:900], 10)},
    )
    view.given_features = {
        s: t.pixels[..., 0].reshape(len(t), -1).astype(np.float32) for s, t in tables.items()
    }
    made = duplicates_and_leakage(view)
    assert made.fact("verified_duplicates").value == 0 and made.fact("leaked_exact").value == 3
    assert made.fact("exact_duplicates").value == 3
    assert any("1,400 pictures are smaller than 32 pixels on a side" in n for n in made.notes)


def test_inflation_by_hand() -> None:
    """Leaked images of class a only: compared within class a, not with the hard class b."""
    labels = np.array([0] * 60 + [1] * 40)
    predicted = np.concatenate([np.zeros(50, int), np.ones(10, int), np.ones(20, int), np.zeros(20, int)])
    p = Predictions("data", ("a", "b"), np.arange(100), labels, one_hot(predicted, 2))
    leaked = np.zeros(100, bool)
    leaked[:20] = True
    made = inflation(p, leaked)
    assert made is not None
    assert (made.accuracy, made.clean) == (0.7, 50 / 80)
    assert made.inflation == pytest.approx(0.7 - 50 / 80)
    assert made.gap == pytest.approx(1 - 30 / 40)  # within class a
    assert made.inflation_ci[0] < made.inflation < made.inflation_ci[1]
    assert inflation(p, np.zeros(100, bool)) is None
    assert inflation(p, np.ones(100, bool)) is None


def test_the_interval_of_the_inflation_covers_it() -> None:
    rng, hits = np.random.default_rng(0), 0
    for _ in range(300):
        labels = rng.integers(0, 2, 400)
        leaked = rng.random(400) < 0.1
        right = rng.random(400) < np.where(leaked, 0.95, 0.75)
        made = inflation(
            Predictions(
                "data", ("a", "b"), np.arange(400), labels, one_hot(np.where(right, labels, 1 - labels), 2)
            ),
            leaked,
        )
        assert made is not None
        hits += made.inflation_ci[0] <= leaked.mean() * 0.2 <= made.inflation_ci[1]
    assert hits / 300 > 0.9


class TestMissingAndHostile:
    def test_without_training_images_it_says_what_they_would_tell(self) -> None:
        view = world(leaked=0)
        view._tables.pop("train")
        made = duplicates_and_leakage(view)
        check_evidence(made)
        assert any("Without the training images" in n for n in made.notes)

    def test_without_features_hashes_are_enough_for_what_they_see(self) -> None:
        view = world(leaked=12)
        view.given_features = {}
        made = duplicates_and_leakage(view)
        assert any("hashes alone" in n for n in made.notes)
        assert made.findings[0].verdict == "confirmed"
        assert duplicates_and_leakage(view, features=False).findings[0].n == made.findings[0].n

    def test_unreadable_pictures_are_listed(self) -> None:
        view = world(leaked=6)
        view.table("data").bad.add(1)
        made = duplicates_and_leakage(view)
        check_evidence(made)
        assert any("left out" in n for n in made.notes)
        assert made.fact("leaked_share").n == 59

    def test_splits_that_are_not_there_and_pictures_that_show_nothing(self) -> None:
        with pytest.raises(RetryError):
            duplicates_and_leakage(world(), splits=("pool",))
        flat = FakeTable(np.full((30, 8, 8, 3), 7, np.uint8), [0] * 30, ["a"])
        made = duplicates_and_leakage(FakeView({"data": flat}, scores={"data": np.ones((30, 1))}))
        check_evidence(made)
        assert made.fact("exact_duplicates").value == 29
        with pytest.raises(RetryError):
            duplicates_and_leakage(
                FakeView({"data": FakeTable(np.zeros((2, 8, 8, 3)), [0, 0], ["a"], bad=[0, 1])}, scores={})
            )

    def test_nan_features_and_foreign_names(self) -> None:
        view = world(leaked=6)
        view.given_features["data"][:20] = np.nan
        view.table("data").paths[0] = "\x1b[31mrm -rf\u202e.png"
        made = duplicates_and_leakage(view)
        check_evidence(made)
        assert "\x1b" not in made.text() and "\u202e" not in str(made.to_dict()["tables"])


def test_through_the_agent_loop(tmp_path: Path) -> None:
    source = world(leaked=12)
    tables = {s: source.table(s) for s in ("data", "train")}
    model = FakeModel(
        lambda x: np.stack([x[..., 0].mean((1, 2)), x[..., 2].mean((1, 2))], 1), CLASSES, (48, 48)
    )
    case = FakeCase(tmp_path / "case", tables, model)
    session = Session(
        case,
        planner=ScriptedPlanner(
            [call("duplicates_and_leakage", "to look"), "Some training images are among them."]
        ),
        policy="auto",
    )
    list(session.say("look for leakage"))
    (record,) = [r for r in case.state().records.values() if r.finding.kind == "leakage"]
    assert record.finding.verdict == "confirmed"
    assert record.instruments
    assert case.state().answered["input.16"]
    case.close()


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(600)
def test_the_known_duplicates_of_houses_and_rooms(shared_data: Path) -> None:
    from failsight.tools.inputs import open_images

    houses = open_images(shared_data / "houses", classes=("bathroom", "bedroom", "frontal", "kitchen"))
    made = duplicates_and_leakage(FakeView({"data": houses}, scores={}), features=False)  # type: ignore[dict-item]
    groups = next(t for t in made.tables if t.title.startswith("Pictures that occur")).rows
    assert sum(r[2] == "equal" for r in groups) == 14
    assert made.fact("contradictory_pictures").value == 5
    assert any("343" in str(r[0]) and "bathroom" in str(r[4]) and "kitchen" in str(r[4]) for r in groups)
    rooms = {s: open_images(shared_data / "rooms6" / f) for s, f in (("data", "eval"), ("train", "train"))}
    found = duplicates_and_leakage(FakeView(rooms, scores={"data": np.ones((600, 6))}), features=False)  # type: ignore[arg-type]
    assert found.fact("leaked_share").value <= 0.01
