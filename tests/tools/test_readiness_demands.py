"""readiness: floors on slices and groups, prices of confusions, bounds on grave ones. Counts known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.expectations.criteria import Criterion, criteria_of, judge
from failsight.tools.expectations.names import check_bound, parse_name, parse_price, usual_side
from failsight.tools.readiness import readiness
from failsight.tools.stats.floors import exact, mean_cost
from failsight.tools.view import Expectation
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, counted_view, from_counts, one_hot

CLASSES = ("bath", "kitchen")


def lit(
    dark: list[list[int]], bright: list[list[int]], unknown: int = 0, *expectations: Expectation
) -> FakeView:
    """A black box with one confusion matrix in the dark and one in the light; ``unknown`` right images without a value."""
    parts = [from_counts(dark), from_counts(bright), (np.zeros(unknown, np.int64),) * 2]
    labels, predicted = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    lighting = ["dark"] * len(parts[0][0]) + ["bright"] * len(parts[1][0]) + [None] * unknown
    table = FakeTable(np.zeros((len(labels), 2, 2, 3), np.uint8), labels, CLASSES, {"lighting": lighting})
    return FakeView({"data": table}, scores={"data": one_hot(predicted, 2)}, expectations=expectations)


def held(view: FakeView) -> dict[str, object]:
    made = readiness(view)
    check_evidence(made)
    return {c["name"]: c for c in criteria_of(made)}


class TestNames:
    @pytest.mark.parametrize(
        ("name", "parsed"),
        [
            ("accuracy[lighting=dark]", ("data", "accuracy", "", "lighting=dark")),
            ("deploy.recall.bath[lighting=dark&x<3]", ("deploy", "recall", "bath", "lighting=dark&x<3")),
            ("recall[lighting=dark].bath", ("data", "recall", "bath", "lighting=dark")),
            ("recall.box[1]", ("data", "recall", "box[1]", "")),
            ("worst_group", ("data", "worst_group", "", "")),
            ("worst_group[lighting,style]", ("data", "worst_group", "", "lighting,style")),
            ("confusion.stove>chair", ("data", "confusion", "stove>chair", "")),
        ],
    )
    def test_are_read(self, name: str, parsed: tuple[str, ...]) -> None:
        assert parse_name(name) == parsed

    @pytest.mark.parametrize(
        "name",
        [
            "accuracy[",
            "beauty[lighting=dark]",
            "confusion.stove",
            "confusion.>x",
            "unacceptable[a=b]",
            "worst_slice_error[a=b]",
        ],
    )
    def test_nonsense_is_refused(self, name: str) -> None:
        with pytest.raises(LookupError, match="not a measure known here"):
            parse_name(name)

    def test_prices_find_their_classes_whatever_these_are_called(self) -> None:
        assert parse_price("cost.bath>Kitchen", CLASSES) == CLASSES
        assert parse_price("cost.a>b>c", ["a>b", "c"]) == ("a>b", "c")
        assert parse_price("cost.bath>bath", CLASSES) is None
        assert parse_price("cost.bath>attic", CLASSES) is None

    def test_which_side_a_bound_is_on_and_what_it_may_be(self) -> None:
        assert usual_side("accuracy[lighting=dark]") and usual_side("worst_group")
        assert not any(
            usual_side(n)
            for n in ("ece", "expected_cost", "confusion.a>b", "cost.a>b", "latency_ms", "deploy.error_rate")
        )
        check_bound("cost.a>b", 500)
        check_bound("expected_cost", 3.5)
        for name, bound in (
            ("cost.a>b", -1),
            ("accuracy[x=1]", 1.5),
            ("expected_cost", math.inf),
            ("recall.a", math.nan),
        ):
            with pytest.raises(UserError):
                check_bound(name, bound)


class TestSlices:
    def test_a_floor_on_a_slice_is_judged_on_its_images_alone(self) -> None:
        view = lit([[30, 20], [10, 40]], [[98, 2], [2, 98]], 5,
                   Expectation("accuracy[lighting=dark]", 0.8), Expectation("accuracy[lighting=bright]", 0.9),
                   Expectation("recall.kitchen[lighting=dark]", 0.8), Expectation("error_rate[lighting!=dark]", 0.1, False))  # fmt: skip
        made = held(view)
        assert made["accuracy[lighting=dark]"]["ci"] == list(exact(70, 100))
        assert [c["holds"] for c in made.values()] == [False, True, None, True]
        assert made["recall.kitchen[lighting=dark]"]["n"] == 50

    def test_images_without_the_value_are_counted_and_can_be_judged_by_themselves(self) -> None:
        view = lit([[30, 20], [10, 40]], [[98, 2], [2, 98]], 5,
                   Expectation("accuracy[lighting=dark]", 0.8), Expectation("accuracy[lighting=missing]", 0.8))  # fmt: skip
        assert held(view)["accuracy[lighting=missing]"]["n"] == 5
        told = "Of 5 more of the evaluation images lighting is missing"
        assert any(told in note for note in readiness(view).notes)
        whole = lit([[30, 20], [10, 40]], [[98, 2], [2, 98]], 0, Expectation("accuracy[lighting=dark]", 0.8))
        assert not any("is missing" in note for note in readiness(whole).notes)

    def test_what_would_decide_names_the_slice(self) -> None:
        made = readiness(
            lit([[40, 10], [10, 40]], [[50, 0], [0, 50]], 0, Expectation("accuracy[lighting=dark]", 0.75))
        )
        assert any("more labelled images with lighting=dark would decide" in n for n in made.notes)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("accuracy[weather=wet]", "no attribute"),
            ("accuracy[lighting=pink]", "never"),
            ("accuracy[lighting=dark&true=attic]", "no class"),
        ],
    )
    def test_unknown_names_are_undecided_and_say_so(self, name: str, words: str) -> None:
        made = readiness(lit([[9, 1], [1, 9]], [[9, 1], [1, 9]], 0, Expectation(name, 0.5)))
        assert made.fact("readiness").value == "undecided"
        assert any(words in n for n in made.notes)


class TestGroups:
    def test_every_group_must_reach_the_floor_by_itself(self) -> None:
        view = lit([[90, 10], [10, 90]], [[100, 0], [0, 100]], 3, Expectation("worst_group[lighting]", 0.8))
        made = held(view)["worst_group[lighting]"]
        assert made["value"] == 0.9 and made["n"] == 200
        assert made["ci"][0] == exact(180, 200)[0] and made["ci"][1] == exact(180, 200, 0.975)[1]
        assert made["holds"] is True
        assert any("lighting 3" in n for n in readiness(view).notes)

    def test_groups_crossed_with_the_class(self) -> None:
        view = lit([[30, 70], [0, 100]], [[100, 0], [0, 100]], 0,
                   Expectation("worst_group[lighting]", 0.5), Expectation("worst_group[class*lighting]", 0.5))  # fmt: skip
        made = held(view)
        assert (
            made["worst_group[lighting]"]["value"] == 0.65 and made["worst_group[lighting]"]["holds"] is True
        )
        assert made["worst_group[class*lighting]"]["value"] == 0.3
        assert made["worst_group[class*lighting]"]["holds"] is False

    def test_without_names_all_metadata_columns_form_groups(self) -> None:
        made = held(lit([[45, 5], [5, 45]], [[50, 0], [0, 50]], 0, Expectation("worst_group", 0.8)))
        assert made["worst_group"]["value"] == 0.9
        bare = readiness(
            counted_view({"data": [[9, 1], [1, 9]]}, expectations=[Expectation("worst_group", 0.5)])
        )
        assert any("no metadata that forms groups" in n for n in bare.notes)

    def test_a_small_group_stays_undecided_and_says_how_many_images_it_lacks(self) -> None:
        made = readiness(
            lit([[2, 0], [0, 1]], [[300, 0], [0, 300]], 0, Expectation("worst_group[lighting]", 0.8))
        )
        assert made.fact("readiness").value == "undecided"
        assert any("more labelled images of lighting=dark would decide" in n for n in made.notes)

    @pytest.mark.parametrize(
        "name", ["worst_group[attic]", "worst_group[lighting*attic]", "worst_group[ , ]"]
    )
    def test_hostile_names(self, name: str) -> None:
        made = readiness(lit([[9, 1], [1, 9]], [[9, 1], [1, 9]], 0, Expectation(name, 0.99)))
        assert made.fact("readiness").value in ("undecided", "not_ready")
        check_evidence(made)

    @pytest.mark.slow
    @pytest.mark.parametrize("groups", [2, 6])
    def test_a_model_with_one_group_truly_below_the_floor_is_called_ready_in_at_most_one_sample_in_twenty(
        self, groups: int
    ) -> None:
        rng, ready, runs = np.random.default_rng(groups), 0, 300
        names = [f"g{i % groups}" for i in range(40 * groups)]
        for _ in range(runs):
            rate = np.where(np.array(names) == "g0", 0.699, 0.95)
            predicted = np.where(rng.random(len(names)) < rate, 0, 1)
            labels = np.zeros(len(names), np.int64)
            table = FakeTable(np.zeros((len(names), 1, 1, 3), np.uint8), labels, CLASSES, {"group": names})
            view = FakeView({"data": table}, scores={"data": one_hot(predicted, 2)},
                            expectations=[Expectation("worst_group[group]", 0.7)])  # fmt: skip
            ready += readiness(view).fact("readiness").value == "ready"
        assert ready / runs <= 0.05


class TestCosts:
    COUNTS = ([[95, 5, 0], [2, 97, 1], [0, 4, 96]],)

    def test_expected_cost_by_hand(self) -> None:
        costs = [
            Expectation("cost.class_0>class_1", 5, False, "Ann"),
            Expectation("cost.class_2>class_1", 0, False),
        ]
        view = counted_view(
            {"data": self.COUNTS[0]}, expectations=[*costs, Expectation("expected_cost", 0.3, False)]
        )
        made = readiness(view)
        check_evidence(made)
        price = np.array([[0, 5, 1], [1, 0, 1], [1, 0, 0]], float)
        value, ci = mean_cost(np.array(self.COUNTS[0]), price)
        judged = criteria_of(made)
        assert len(judged) == 1  # prices are no criteria
        assert judged[0]["value"] == pytest.approx((5 * 5 + 2 + 1) / 300) == pytest.approx(value)
        assert judged[0]["ci"] == pytest.approx(list(ci)) and judged[0]["holds"] is True
        table = next(t for t in made.tables if t.title == "What confusions cost")
        assert table.rows[0][:5] == ("class_0", "class_1", 5.0, 5, 100)
        assert table.rows[0][8] == pytest.approx(25 / 300)
        assert made.fact("criterion", "expected_cost").unit == "score"

    def test_without_prices_every_error_costs_one_and_that_is_said(self) -> None:
        made = readiness(
            counted_view({"data": self.COUNTS[0]}, expectations=[Expectation("expected_cost", 0.2, False)])
        )
        assert made.fact("criterion", "expected_cost").value == pytest.approx(12 / 300)
        assert any("every error costs 1" in n for n in made.notes)

    def test_prices_that_decide_nothing_or_name_nobody_are_said(self) -> None:
        view = counted_view(
            {"data": self.COUNTS[0]},
            expectations=[Expectation("cost.class_0>attic", 5, False), Expectation("accuracy", 0.5)],
        )
        notes = readiness(view).notes
        assert any("class_0>attic" in n for n in notes) and any("decide nothing" in n for n in notes)
        only = readiness(
            counted_view(
                {"data": self.COUNTS[0]}, expectations=[Expectation("cost.class_0>class_1", 5, False)]
            )
        )
        assert only.fact("readiness").value == "undecided"

    def test_a_grave_confusion_is_bounded_by_itself(self) -> None:
        def one(counts: list[list[int]], bound: float) -> Criterion:
            view = counted_view({"data": counts}, ["stove", "chair"])
            return judge(
                {"data": view.predictions("data")}, [Expectation("confusion.stove>chair", bound, False)]
            )[0]

        assert one([[400, 0], [9, 91]], 0.01).holds is True
        assert one([[100, 0], [0, 100]], 0.01).holds is None
        assert one([[90, 10], [0, 100]], 0.01).holds is False
        assert one([[100, 0], [0, 100]], 0.01).more == 270  # 368 images without one such error just suffice
        assert exact(0, 370)[1] <= 0.01 < exact(0, 360)[1]
        assert one([[0, 0], [0, 9]], 0.01).holds is None
        assert (
            "TRUE>ANSWER"
            in judge(
                {"data": counted_view({"data": [[1, 0], [0, 1]]}).predictions("data")},
                [Expectation("confusion.x>y", 0.1, False)],
            )[0].reason
        )

    def test_on_other_splits_and_slices(self) -> None:
        view = lit([[30, 20], [0, 50]], [[50, 0], [0, 50]], 0, Expectation("cost.bath>kitchen", 3, False),
                   Expectation("expected_cost[lighting=dark]", 0.5, False), Expectation("confusion.bath>kitchen[lighting=bright]", 0.2, False))  # fmt: skip
        made = held(view)
        assert made["expected_cost[lighting=dark]"]["value"] == pytest.approx(0.6)
        assert made["confusion.bath>kitchen[lighting=bright]"]["holds"] is True


def test_reviews_bound_what_people_can_not_accept() -> None:
    said = Evidence("review_errors", "t", "s", facts=(
        Fact("unacceptable_share", 0.4, "share", "", (0.3, 0.5), 30), Fact("unacceptable_rate", 0.04, "share", "", (0.02, 0.07), 30)))  # fmt: skip
    view = counted_view(
        {"data": [[9, 1], [1, 9]]},
        expectations=[
            Expectation("unacceptable", 0.1, False),
            Expectation("unacceptable_errors", 0.2, False),
        ],
    )
    assert all("Nobody has said yet" in n for n in readiness(view).notes[:2])
    view.recorded = [said, Evidence("review_errors", "drawn", "no answers yet")]
    assert [c["holds"] for c in criteria_of(readiness(view))] == [True, False]


def test_versions_that_nobody_verified_are_not_what_is_judged() -> None:
    from failsight.tools.repair.versions import ModelVersion

    view = counted_view({"data": [[9, 1], [1, 9]]}, expectations=[Expectation("accuracy", 0.5)])
    assert not any("Not judged" in n for n in readiness(view).notes)
    for name, arm in (("R1.1", "repair"), ("R1.c1", "control")):
        view.add_version(
            ModelVersion(name, "R1", arm, 1, "last_layer", "F1", f"repair/R1/{name}", name, {}, {})
        )  # type: ignore[arg-type]
    (note,) = [n for n in readiness(view).notes if "Not judged" in n]
    assert note == "Not judged, because not verified: R1."
