"""compare_classes: what was planted between two classes is found, what was not is not; hostile cases; through a session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from failsight.tools.class_pairs.measures import apart, columns_of, differences
from failsight.tools.compare_classes import compare_classes
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import p_value
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot

CLASSES = ("kitchen", "bath", "hall")


def world(n: int = 200, folder: Path | None = None, train: bool = True, **columns: object) -> FakeView:
    """Kitchens and baths (n each) and a few halls. 80 % of kitchens have a stove, 10 % of baths. Baths with a stove are
    called kitchens in 70 %, others in 5 %; kitchens are called baths in 4 %, whatever they show. Light means nothing."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [n, n, 20])
    stove = rng.random(len(labels)) < np.array([0.8, 0.1, 0.3])[labels]
    light = rng.choice(["day", "lamp"], len(labels))
    wrong = rng.random(len(labels)) < np.where(labels == 1, np.where(stove, 0.7, 0.05), 0.04)
    predicted = np.where(wrong & (labels < 2), 1 - labels, labels)
    size = np.where(labels == 0, 1.0, 0.0) + rng.normal(0, 1, len(labels))
    given = {
        "stove": ["yes" if s else "no" for s in stove], "light": light.tolist(), "size": size.tolist(), **columns,
    }  # fmt: skip
    pixels = rng.integers(0, 255, (len(labels), 4, 4, 3)).astype(np.uint8)
    tables = {"data": FakeTable(pixels, labels, CLASSES, given)}
    if train:
        tables["train"] = FakeTable(pixels[:60], labels[[0] * 50 + [n] * 10], CLASSES)
    view = FakeView(tables, scores={"data": one_hot(predicted, 3)}, folder=folder)
    features = rng.normal(0, 1, (len(labels), 6))
    features[:, 0] += 1.2 * (labels == 0)
    view.given_features = {"data": features}
    return view


def asked(view: FakeView, **more: object) -> Evidence:
    made = compare_classes(view, class_a="kitchen", class_b="bath", **more)  # type: ignore[arg-type]
    check_evidence(made)
    return made


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(compare_classes)


class TestKnownAnswers:
    def test_what_was_planted_is_found_and_what_was_not_is_not(self, tmp_path: Path) -> None:
        made = asked(world(folder=tmp_path))
        table = next(t for t in made.tables if t.title == "In what they differ")
        q = {str(r[0]).split(" = ")[0]: str(r[6]) for r in table.rows}
        assert (
            q["stove"] == q["size"] == "< 0.001"
            or max(float(q[k].lstrip("< ")) for k in ("stove", "size")) <= 0.05
        )
        assert float(q["light"].lstrip("< ")) > 0.05
        assert made.fact("cramers_v", "stove: kitchen and bath").value == pytest.approx(0.7, abs=0.1)
        shift = made.fact("shift", "size: kitchen and bath")
        assert shift.ci is not None and shift.ci[0] < float(shift.value) < shift.ci[1] < 0  # type: ignore[arg-type]

    def test_rates_and_confusions_by_hand(self) -> None:
        view = world()
        made, p = asked(view), view.predictions("data")
        k, n = int(((p.labels == 1) & (p.predicted == 0)).sum()), 200
        fact = made.fact("confusion_rate", "class bath taken for kitchen")
        assert (fact.value, fact.ci, fact.n) == (k / n, wilson(k, n), n)
        right = int(((p.labels == 1) & (p.predicted == 1)).sum())
        assert made.fact("recall", "class bath").value == right / 200
        assert made.fact("n", "split train, class kitchen").value == 50
        assert made.fact("n", "split train, class bath").value == 10

    def test_what_goes_with_confusion_becomes_a_hypothesis_and_no_more(self) -> None:
        made = asked(world())
        (finding,) = made.findings
        assert (finding.slice, finding.class_name, finding.confused_with) == (
            {"stove": "yes"},
            "bath",
            "kitchen",
        )
        assert finding.verdict is None and finding.q is not None and finding.q <= 0.05
        assert finding.error_rate is not None and finding.error_rate > 0.4 > 0.2 > (
            finding.base_error_rate or 0
        )
        table = next(t for t in made.tables if t.title == "What goes with being confused")
        assert str(table.rows[0][0]).startswith("stove")

    def test_images_taken_for_a_third_class_count_in_the_share_of_cases(self) -> None:
        """Of 100 baths with a stove 30 are called kitchen and 45 hall: 30 % of cases, not 30 of 55."""
        labels = np.repeat([0, 1], [100, 200])
        stove = np.array(["no"] * 100 + ["yes"] * 100 + ["no"] * 100, object)
        said = labels.copy()
        said[100:130], said[130:175], said[200:208] = 0, 2, 0
        table = FakeTable(np.zeros((300, 4, 4, 3), np.uint8), labels, CLASSES, {"stove": stove.tolist()})
        made = asked(FakeView({"data": table}, scores={"data": one_hot(said, 3)}))
        (finding,) = made.findings
        assert (finding.error_rate, finding.n, finding.base_error_rate) == (0.3, 100, 0.08)
        assert finding.ci == wilson(30, 100)
        assert "in 30.0 % of cases (30 of 100), the others in 8.0 % (8 of 100)" in finding.statement
        row = next(t for t in made.tables if t.title == "What goes with being confused").rows[0]
        # of 38 confused 30 have a stove, of the other 162 baths and 100 kitchens (weighted to baths) 70 of 162
        assert row[3] == "78.9 %" and row[2] == "43.2 %" and row[7] == 300

    def test_a_value_that_some_images_lack_is_compared_with_other_values(self) -> None:
        labels = np.repeat([0, 1], [100, 200])
        stove = np.array(["no"] * 100 + ["yes"] * 100 + ["no"] * 60 + [None] * 40, object)
        said = labels.copy()
        said[100:140], said[200:206], said[260:280] = 0, 0, 0
        table = FakeTable(np.zeros((300, 4, 4, 3), np.uint8), labels, CLASSES, {"stove": stove.tolist()})
        (finding,) = asked(FakeView({"data": table}, scores={"data": one_hot(said, 3)})).findings
        assert "those with another stove in 10.0 % (6 of 60)" in finding.statement

    @pytest.mark.parametrize(
        ("right", "words"),
        [((131, 134), "no difference of the recalls is shown"), ((131, 180), "the recalls differ")],
    )
    def test_whether_the_recalls_differ_is_answered(self, right: tuple[int, int], words: str) -> None:
        labels = np.repeat([0, 1], 200)
        said = np.where(np.r_[np.arange(200) < right[0], np.arange(200) < right[1]], labels, 2)
        table = FakeTable(np.zeros((400, 4, 4, 3), np.uint8), labels, CLASSES)
        made = asked(FakeView({"data": table}, scores={"data": one_hot(said, 3)}))
        fact = made.fact("recall_difference", "class kitchen minus class bath")
        gap = (right[0] - right[1]) / 200
        assert fact.value == pytest.approx(gap)
        assert fact.ci == newcombe(right[0], 200, right[1], 200)
        p = p_value(fisher_exact(right[0], 200, right[1], 200))
        assert words in made.summary and f"p {p})" in made.summary
        row = next(t for t in made.tables if t.title == "Are they recognised equally often?").rows[0]
        assert row[:4] == ("kitchen", "bath", right[0] / 200, right[1] / 200) and row[5] == p

    def test_feature_space(self) -> None:
        made = asked(world())
        auc = made.fact("separation_auc", "kitchen and bath")
        assert auc.value == pytest.approx(0.8, abs=0.06) and auc.ci is not None and auc.ci[0] > 0.7
        assert made.fact("neighbours_of_the_other_class", "kitchen and bath").value < 0.45  # type: ignore[operator]

    def test_pictures_are_typical_alike_and_confused(self, tmp_path: Path) -> None:
        made = asked(world(folder=tmp_path))
        captions = [i.caption for i in made.images]
        assert (
            captions.count("typical kitchen")
            == captions.count("typical bath")
            == captions.count("alike")
            == 4
        )
        confused = [i for i in made.images if i.caption == "confused"]
        assert confused and all({i.label, i.prediction} == {"kitchen", "bath"} for i in confused)
        assert len(made.figures) == 2 and all((tmp_path / f.path).is_file() for f in made.figures)

    def test_more_classes_pair_by_pair(self) -> None:
        made = asked(world(), others=("hall",))
        table = next(t for t in made.tables if t.title == "Pair by pair")
        assert [r[:2] for r in table.rows] == [("kitchen", "bath"), ("kitchen", "hall"), ("bath", "hall")]
        assert len(next(t for t in made.tables if t.title == "The classes").rows) == 3

    def test_the_same_call_twice_says_the_same(self) -> None:
        assert asked(world()).to_dict() == asked(world()).to_dict()


class TestStatistics:
    def table(self, seed: int, n: int = 120) -> tuple[AttributeTable, np.ndarray]:
        rng = np.random.default_rng(seed)
        columns = {f"x{i}": rng.normal(size=n) for i in range(4)}
        columns |= {f"c{i}": np.array(rng.choice(["a", "b", "c"], n), object) for i in range(4)}  # type: ignore[misc]
        return AttributeTable(np.arange(n), columns, dict.fromkeys(columns, "metadata")), rng.random(n) < 0.5

    def test_against_scipy(self) -> None:
        table, target = self.table(3)
        found = {d.column.name: d for d in differences(columns_of(table, np.ones(120, bool), None), target, np.zeros(120, np.int64), seed=0)}  # fmt: skip
        x = table.columns["x0"]
        oracle = ks_2samp(x[target], x[~target])
        assert found["x0"].size == pytest.approx(oracle.statistic, abs=1e-6)
        assert found["x0"].p == pytest.approx(oracle.pvalue, abs=0.06)
        counts = [
            [int(((table.columns["c0"] == v) & (target == t)).sum()) for v in "abc"] for t in (True, False)
        ]
        assert found["c0"].p == pytest.approx(chi2_contingency(counts, correction=False).pvalue, abs=0.01)
        assert max(d.q for d in found.values()) <= 1 and all(d.q >= d.p for d in found.values())

    @pytest.mark.slow
    def test_where_nothing_differs_something_is_named_in_at_most_one_case_in_twenty(self) -> None:
        false = 0
        for seed in range(40):
            table, target = self.table(seed)
            found = differences(columns_of(table, np.ones(120, bool), None), target, np.zeros(120, np.int64), seed=seed)  # fmt: skip
            false += found[0].q <= 0.05
        assert false / 40 <= 0.15  # 0.05 and three standard errors

    def test_one_cloud_is_not_told_apart_and_two_are(self) -> None:
        rng = np.random.default_rng(0)
        second = np.arange(200) % 2 == 1
        one = apart(rng.normal(size=(200, 5)), second, seed=0)
        assert one is not None and one.auc.ci[0] < 0.5 < one.auc.ci[1] and one.p > 0.05
        assert one.mixed_ci[0] < one.by_chance < one.mixed_ci[1]
        two = apart(rng.normal(size=(200, 5)) + 8 * second[:, None], second, seed=0)
        assert (
            two is not None and two.auc.value > 0.99 and two.mixed == 0 and two.p < 0.01 and two.distance > 5
        )
        assert apart(np.zeros((200, 3)), second, seed=0) is None
        assert apart(rng.normal(size=(6, 3)), np.arange(6) == 0, seed=0) is None


class TestHostile:
    def test_deployment_images_without_labels_are_not_counted_as_none_of_either(self) -> None:
        view = world()
        view._tables["deploy"] = FakeTable(np.zeros((9, 4, 4, 3), np.uint8), [-1] * 9, CLASSES)
        assert not [f for f in asked(view).facts if f.name == "n" and "deploy" in f.of]

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"class_a": "kitchen", "class_b": "kitchen"}, "twice"),
            ({"class_a": "kitchen", "class_b": "attic"}, "no class"),
            ({"class_a": "kitchen", "class_b": "bath", "split": "pool"}, "no 'pool' images"),
            ({"class_a": "kitchen", "class_b": "bath", "attributes": ("weather",)}, "no attribute"),
        ],
    )
    def test_what_can_not_be_compared_is_said(self, given: dict[str, object], words: str) -> None:
        with pytest.raises(RetryError, match=words):
            compare_classes(world(), **given)  # type: ignore[arg-type]

    def test_a_class_without_images(self) -> None:
        view = world()
        view.table("data").labels[:] = 0
        with pytest.raises(RetryError, match="no image of bath"):
            asked(view)

    def test_without_training_images_predictions_and_features_the_rest_is_told(self) -> None:
        view = world(train=False)
        view.given_features = {}
        made = asked(view)  # a black box: no features
        assert any("training images" in n for n in made.notes) and any(
            "feature space" in n for n in made.notes
        )
        assert "tells them apart with AUC" not in made.summary

    def test_few_images_bad_files_and_missing_values(self) -> None:
        labels = [0, 0, 1, 1, 1]
        columns = {
            "c": ["x", None, "y", "x", None],
            "v": [1.0, float("nan"), float("nan"), 2.0, float("inf")],
        }
        table = FakeTable(
            np.zeros((5, 4, 4, 3), np.uint8), labels, ("kitchen", "bath\x1b[2J"), columns, bad=[1, 4]
        )
        view = FakeView({"data": table}, scores={"data": one_hot(np.array([0, 0, 0, 1, 1]), 2)})
        made = compare_classes(view, class_a="kitchen", class_b="bath\x1b[2J")
        check_evidence(made)
        assert "\x1b" not in made.summary and not made.findings
        assert any("too few to say what goes with it" in n for n in made.notes)

    def test_hostile_attribute_names_and_values(self, tmp_path: Path) -> None:
        view = world(folder=tmp_path, **{"<script>|`\u202e": ["<b>" if i % 2 else "a|b" for i in range(420)]})
        assert asked(view).figures


def test_through_a_case_and_its_graph(tmp_path: Path) -> None:
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session

    table, model = television_world(160)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    asked_for = {"class_a": "red_room", "class_b": "blue_room", "attributes": ["television"]}
    session = Session(case, planner=ScriptedPlanner([call("compare_classes", **asked_for), "They differ."]))
    list(session.say("what is the difference between red room and blue room"))
    (made,) = case.evidence("compare_classes")
    assert made.questions == ("input.6", "performance.4")
    assert any(f.slice == {"television": "yes"} and f.class_name == "blue_room" for _, f in case.findings())
    assert case.call("compare_classes", asked_for)[1]  # answered from the journal
