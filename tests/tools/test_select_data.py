"""select_data: a world whose selection can be counted by hand, hostile pools, and the baselines on the same budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Correction, Evidence, Finding
from failsight.tools.select_data import select_data, stored_key
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot

ROOMS = ("kitchen", "living_room")
METHODS = ("failsight", "hibug", "random", "coreset", "confidence")


def pictures(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (n, 4, 4, 3)).astype(np.uint8)


def world(
    groups: list[tuple[str, int, int, float]],
    seed: int,
    labelled: bool = True,
    **columns: list[Any],
) -> tuple[FakeTable, np.ndarray]:
    """Images from (television, images, errors, confidence): kitchens, taken for living rooms where wrong."""
    television = [t for t, n, _, _ in groups for _ in range(n)]
    predicted = np.concatenate([np.repeat([1, 0], [k, n - k]) for _, n, k, _ in groups])
    sure = np.concatenate([c - np.arange(n) * 1e-4 for _, n, _, c in groups])
    n = len(television)
    labels = np.zeros(n, np.int64) if labelled else np.full(n, -1)
    table = FakeTable(pictures(n, seed), labels, ROOMS, {"television": television, **columns})
    return table, one_hot(predicted, 2, sure)


MEASURED: dict[str, Any] = {}  # pictures measured once for all tests: keys hold the fingerprints of tables


def view_of(data: Any, pool: Any, folder: Path | None = None, **more: Any) -> FakeView:
    """Both as (table, scores)."""
    scores = {"data": data[1], "pool": pool[1]}
    view = FakeView({"data": data[0], "pool": pool[0]}, scores=scores, folder=folder, **more)
    view._cache = MEASURED
    return view


def plain(**more: Any) -> FakeView:
    """80 errors: 60 of 100 with a television, 20 of 400 without; a pool of 50 and 250, the latter the less sure ones."""
    data = world([("yes", 100, 60, 0.9), ("no", 400, 20, 0.9)], 0)
    pool = world([("yes", 50, 25, 0.9), ("no", 250, 10, 0.7)], 1, labelled=False)
    return view_of(data, pool, **more)


def picked(made: Evidence) -> list[int]:
    """Rows of the picked images."""
    return [int(str(r[1])[4:9]) for r in made.tables[-1].rows]


def fake_findings() -> list[tuple[str, Finding]]:
    television = Finding(
        "spurious_correlation", "features", "data_statistics", "tv", slice={"television": "yes"},
        class_name="living_room", error_rate=0.6, verdict="confirmed",
    )  # fmt: skip
    dark = Finding(
        "rare_case", "correctness", "data_statistics", "dark", slice={"light": "dark"}, verdict="confirmed"
    )
    open_ = Finding("weak_slice", "correctness", "unknown", "open", slice={"television": "yes"})
    return [("F1", television), ("F2", dark), ("F3", open_)]


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(select_data)
    spec = select_data.__failsight_tool__  # type: ignore[attr-defined]
    assert spec.needs == ("pool",) and spec.answers == ("input.9",) and not spec.writes


def test_the_budget_follows_the_failures_and_the_least_sure_come_first(tmp_path: Path) -> None:
    view = plain(folder=tmp_path)
    made = select_data(view, budget=8, beta=1.0)
    check_evidence(made)
    # taken for living_room: 80 of 80 wrong, all failures. The pool has 25 + 10 of them; those without television are the
    # less sure, and of these the last ones are: rows 50 … 59
    assert [r[:6] for r in made.tables[0].rows] == [
        (1, "images taken for living_room", 8, 8, 35, 1.0),
        (None, "images of no slice", 0, None, 265, None),
    ]
    assert picked(made) == [59, 58, 57, 56, 55, 54, 53, 52]
    assert made.tables[0].rows[0][8] == "kitchen"
    assert made.fact("failures_covered").value == 1.0
    assert made.fact("weak_slice_share", "picked images").value == 1.0
    assert made.fact("weak_slice_share", "split pool").value == pytest.approx(35 / 300)
    assert made.figures and (tmp_path / made.figures[0].path).is_file()
    assert made.images[0].caption == "share 1" and made.questions == ("input.9",)


def black_box(view: FakeView) -> FakeView:
    """The same case without predictions of the pool: slices are made of attributes alone."""
    del view._scores["pool"]
    return view


def test_without_predictions_of_the_pool_the_attributes_decide_alone() -> None:
    made = select_data(black_box(plain()), budget=8, beta=1.0)
    check_evidence(made)
    # 60 and 20 of 80 errors: 6 and 2 of 8 images
    assert [r[1:5] for r in made.tables[0].rows] == [
        ("images with television", 6, 6, 50),
        ("any other images", 2, 2, 250),
    ]
    assert sorted(row < 50 for row in picked(made)) == [False] * 2 + [True] * 6
    assert any("no model to run" in n for n in made.notes) and any("drawn by lot" in n for n in made.notes)
    assert made.images[0].prediction == ""
    # β = 0.75 is reached by the first slice alone
    assert [r[2] for r in select_data(black_box(plain()), budget=8, beta=0.75).tables[0].rows] == [8, 0]
    for method in ("confidence", "coreset"):
        with pytest.raises(RetryError):
            select_data(black_box(plain()), budget=8, method=method)  # type: ignore[arg-type]


def test_what_the_pool_lacks_goes_to_the_others_and_is_to_be_collected() -> None:
    data = world([("yes", 100, 60, 0.9), ("no", 400, 20, 0.9)], 0)
    view = black_box(view_of(data, world([("yes", 3, 0, 0.9), ("no", 97, 0, 0.9)], 1, labelled=False)))
    made = select_data(view, budget=40, beta=1.0)
    assert [r[2:5] for r in made.tables[0].rows] == [(3, 30, 3), (37, 10, 97)]
    assert made.fact("images_to_collect").value == 27
    assert any("27 kitchen images with television" in s for s in made.next_steps)
    assert any("27 images too few for share 1" in n for n in made.notes)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_spends_the_same_budget_and_repeats_itself(method: Any) -> None:
    views = [plain(seed=3), plain(seed=3)]
    for view in views:
        view.given_features = {"pool": np.random.default_rng(5).normal(size=(300, 4)).astype(np.float32)}
    first, second = (select_data(v, budget=37, method=method) for v in views)
    check_evidence(first)
    assert first == second and len(set(picked(first))) == 37
    key = stored_key(views[0], budget=37, method=method, beta=0.9, attributes=None, split="pool")
    stored = views[0].cached(key)
    assert stored is not None and stored["rows"].tolist() == picked(first)


def test_the_least_sure_are_least_sure_and_lots_depend_on_the_seed() -> None:
    assert picked(select_data(plain(), budget=4, method="confidence")) == [299, 298, 297, 296]
    lots = [picked(select_data(plain(seed=s), budget=30, method="random")) for s in (0, 1)]
    assert lots[0] != lots[1]


def test_a_core_set_keeps_away_from_the_training_images() -> None:
    view = plain()
    features = np.zeros((300, 2), np.float32)
    features[:, 0] = np.arange(300)
    train = FakeTable(pictures(5, 9), [0] * 5, ROOMS)
    view._tables["train"], view._scores["train"] = train, one_hot(np.zeros(5, np.int64), 2)
    view.given_features = {"pool": features, "train": np.tile([[299.0, 0.0]], (5, 1)).astype(np.float32)}
    assert picked(select_data(view, budget=2, method="coreset")) == [0, 149]
    del view._tables["train"]
    assert any(
        "Without the training images" in n for n in select_data(view, budget=2, method="coreset").notes
    )


def test_shares_name_the_confirmed_findings_they_are_for() -> None:
    view = plain()
    view.stated = fake_findings()
    made = select_data(view, budget=20)
    assert made.tables[0].rows[0][9] == "F1"
    (correction,) = made.corrections
    assert (correction.finding, correction.strategy, correction.status, correction.before) == (
        fake_findings()[0][1].key,
        "collect",
        "proposed",
        0.6,
    )
    assert correction.action.startswith(
        "Label from the pool images, and train with: 20 images taken for living_room"
    )
    assert any("F2" in n and "No single share" in n for n in made.notes)


def test_what_a_person_decided_is_not_proposed_again() -> None:
    view = plain()
    view.stated = fake_findings()
    done = Correction(fake_findings()[0][1].key, "collect", "dataset", "x", status="approved")
    view.recorded = [Evidence("apply", "x", "x", corrections=(done,))]
    assert select_data(view, budget=20).corrections == ()


def test_columns_that_only_one_side_has_are_named_and_not_used() -> None:
    data = world([("yes", 100, 60, 0.9), ("no", 400, 20, 0.9)], 0, style=["a", "b"] * 250)
    pool = world([("yes", 50, 25, 0.9), ("no", 250, 10, 0.7)], 1, labelled=False)
    made = select_data(view_of(data, pool))
    assert any("Not known of the pool images" in n and "style" in n for n in made.notes)
    with pytest.raises(RetryError, match="style"):
        select_data(view_of(data, pool), attributes=("style",))


def test_without_any_common_attribute_the_predicted_class_makes_slices() -> None:
    view = plain()
    view.table("pool").columns = {"other": ["x"] * 300}
    made = select_data(view, budget=10)
    check_evidence(made)
    assert made.tables[0].rows[0][1] == "images taken for living_room"
    black_box(view)
    made = select_data(view, budget=10)
    assert [r[1:3] for r in made.tables[0].rows] == [("any other images", 10)]


def test_numbers_here_and_text_there_are_not_mixed_up() -> None:
    view = plain()
    view.table("data").columns["noise"] = np.linspace(0, 1, 500).tolist()
    view.table("pool").columns["noise"] = ["loud"] * 300
    assert any(
        "noise" in n and "text" in n for n in select_data(view, attributes=("noise", "television")).notes
    )


def test_bad_images_are_left_out_and_a_pool_of_nothing_is_a_sentence() -> None:
    view = plain()
    view._cache = {}  # what is measured of a bad picture is no measurement of the good one
    view.table("pool").bad = {299, 298}
    made = select_data(view, budget=3, method="confidence")
    assert picked(made) == [297, 296, 295]
    assert any("2 of the pool images were left out: the file is cut short" in n for n in made.notes)
    view.table("pool").bad = set(range(300))
    with pytest.raises(RetryError, match=r"None of the pool images can be used\. 300 .* cut short"):
        select_data(view)
    empty = view_of(
        world([("yes", 9, 3, 0.9)], 0), (FakeTable(np.zeros((0, 4, 4, 3)), [], ROOMS), np.zeros((0, 2)))
    )
    with pytest.raises(RetryError, match="None of the pool images can be used"):
        select_data(empty)


def test_copies_of_test_images_and_repeats_are_not_offered() -> None:
    view = plain()
    view._cache = {}
    pool, data = view.table("pool"), view.table("data")
    pool.pixels[299] = data.pixels[0]
    pool.pixels[298] = pool.pixels[5]
    made = select_data(view, budget=300, method="confidence")
    assert 299 not in picked(made) and 298 not in picked(made) and len(picked(made)) == 298
    assert any("1 of the pool images are evaluation images too" in n for n in made.notes)
    assert any("only 298" in n for n in made.notes)


def test_a_model_without_errors_gets_its_least_sure_images() -> None:
    data = world([("yes", 100, 0, 0.9)], 0)
    made = select_data(view_of(data, world([("no", 50, 0, 0.8)], 1, labelled=False)), budget=2)
    assert picked(made) == [49, 48] and any("no failures" in n for n in made.notes)


def test_without_labels_only_the_baselines_work() -> None:
    view = plain()
    view.table("data").labels[:] = -1
    with pytest.raises(RetryError, match="labelled"):
        select_data(view)
    made = select_data(view, budget=5, method="random")
    check_evidence(made)
    assert len(picked(made)) == 5 and len(made.tables[0].rows) == 1


def test_long_lists_are_bounded_and_stored_whole() -> None:
    n = 1250
    data = world([("yes", 100, 60, 0.9), ("no", 400, 20, 0.9)], 0)
    view = view_of(data, world([("no", n, 0, 0.2)], 1, labelled=False))
    made = select_data(view, budget=1200)
    assert len(made.tables[-1].rows) == 1000 and made.tables[-1].caption == "200 more are not listed."
    key = stored_key(view, budget=1200, method="failsight", beta=0.9, attributes=None, split="pool")
    stored = view.cached(key)
    assert stored is not None and len(stored["rows"]) == 1200


def test_names_from_the_data_are_made_harmless() -> None:
    view = plain()
    view.table("pool").paths[299] = "evil\x1b[31m\u202e.png"
    made = select_data(view, budget=1, method="confidence")
    assert made.tables[-1].rows[0][1] == "evil[31m.png"


def test_it_picks_more_of_the_failing_slices_than_chance() -> None:
    shares: dict[str, list[float]] = {"hibug": [], "random": []}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        made = {}
        for split, n in (("data", 400), ("pool", 300)):
            columns = {"night": rng.random(n) < 0.1, "floor": rng.random(n) < 0.5, "cat": rng.random(n) < 0.3}
            labels = rng.integers(0, 2, n)
            wrong = rng.random(n) < np.where(columns["night"], 0.6, 0.05)
            named = {k: ["yes" if x else "no" for x in v] for k, v in columns.items()}
            table = FakeTable(
                pictures(n, 2 * seed + (split == "pool")),
                labels if split == "data" else np.full(n, -1),
                ROOMS,
                named,
            )
            made[split] = (table, one_hot(np.where(wrong, 1 - labels, labels), 2, rng.uniform(0.6, 1, n)))
        view = view_of(made["data"], made["pool"], seed=seed)
        night = np.array(made["pool"][0].columns["night"]) == "yes"
        for method in shares:
            shares[method].append(float(night[picked(select_data(view, budget=30, method=method))].mean()))  # type: ignore[arg-type]
    assert min(shares["hibug"]) > max(shares["random"])
    assert np.mean(shares["hibug"]) > 3 * np.mean(shares["random"])


def cue_follower(
    n: int, seed: int, labelled: bool = True
) -> tuple[FakeTable, np.ndarray, np.ndarray, np.ndarray]:
    """Every television is called a living room, surely; what the picture is stands in the features. (…, features, truth)"""
    rng = np.random.default_rng(seed)
    truth, television = rng.integers(0, 2, n), rng.random(n) < 0.5
    columns = {"television": ["yes" if t else "no" for t in television]}
    table = FakeTable(pictures(n, seed), truth if labelled else np.full(n, -1), ROOMS, columns)
    seen = np.stack([truth, television], 1) + rng.normal(0, 0.2, (n, 2))
    scores = one_hot(television.astype(int), 2, rng.uniform(0.8, 1, n))
    return table, scores, seen.astype(np.float32), truth


def test_a_model_that_is_sure_where_it_errs_is_found_out_by_the_labels() -> None:
    data, pool = cue_follower(500, 0), cue_follower(300, 1, labelled=False)
    view = view_of(data[:2], pool[:2])
    view.given_features = {"data": data[2], "pool": pool[2]}
    wrong = pool[1].argmax(1) != pool[3]
    ours, theirs = (select_data(view, budget=60, method=m) for m in ("failsight", "hibug"))
    check_evidence(ours)
    assert wrong[picked(ours)].mean() > 0.95 and wrong[picked(theirs)].mean() < 0.7
    assert ours.fact("failure_auroc", "learned from the labels").value > 0.9  # type: ignore[operator]
    assert any("area under the curve" in n for n in ours.notes)
    assert not any(f.name == "failure_auroc" for f in theirs.facts)


def test_without_a_pool_the_case_says_what_it_would_show(tmp_path: Path) -> None:
    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    with pytest.raises(RetryError, match=r"needs a pool of unlabelled images \(--pool\).*would show"):
        case.call("select_data", {})


class PoolCase(FakeCase):
    def splits(self) -> Any:
        return list(self._tables)


def test_it_runs_in_the_agent_loop_and_repeats_itself(tmp_path: Path) -> None:
    table, model = television_world(400)
    pool, _ = television_world(150, seed=1)
    pool.labels[:] = -1
    case = PoolCase(tmp_path / "case", {"data": table, "pool": pool}, model)
    session = Session(case, planner=ScriptedPlanner([call("select_data", budget=20), "Label these."]))
    list(session.say("what should we label?"))
    (made,) = case.evidence("select_data")
    check_evidence(made)
    rows = picked(made)
    television = np.array(pool.columns["television"])[rows] == "yes"
    assert len(rows) == 20 and television.mean() > 0.8
    assert "input.9" in case.state().answered
