"""The parts of unknown_unknowns: the number to expect, what to label, groups that are real and groups that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.slices.columns import Coded
from failsight.tools.unknowns.blind_spots import find_blind_spots
from failsight.tools.unknowns.expected import expected_errors
from failsight.tools.unknowns.to_label import atypicality, deep_gini, label_plan


class TestExpected:
    def test_by_hand(self) -> None:
        predicted = np.repeat([0, 1], [100, 50])
        wrong = np.zeros(150, bool)
        wrong[:10] = wrong[100:110] = True  # 10 % of class 0, 20 % of class 1
        made = expected_errors(predicted, wrong, np.repeat([0, 1], [40, 20]), 80, 2)
        assert made.count == pytest.approx(40 * 0.1 + 20 * 0.2)
        assert made.ci[0] < made.count < made.ci[1]
        assert (made.confident, made.n, made.known, made.known_wrong) == (60, 80, 150, 20)

    def test_the_interval_holds_the_number_that_is_there(self) -> None:
        rng, hits = np.random.default_rng(0), 0
        rates = np.array([0.02, 0.1, 0.3])
        for _ in range(400):
            known, others = rng.integers(0, 3, 300), rng.integers(0, 3, 500)
            wrong = rng.random(300) < rates[known]
            made = expected_errors(known, wrong, others, 500, 3)
            hits += made.ci[0] <= (rng.random(500) < rates[others]).sum() <= made.ci[1]
        assert 0.93 <= hits / 400 <= 0.995

    def test_many_small_classes_are_taken_together(self) -> None:
        """A hundred classes of three answers each: without errors none is expected, and little can be excluded."""
        made = expected_errors(np.repeat(np.arange(100), 3), np.zeros(300, bool), np.arange(100), 100, 100)
        assert made.count == 0
        assert made.ci[1] < 5

    def test_a_class_never_seen_gets_the_overall_rate(self) -> None:
        wrong = np.arange(100) < 10
        made = expected_errors(np.zeros(100, int), wrong, np.ones(20, int), 20, 2)
        assert made.count == pytest.approx(2)
        assert made.ci[1] <= 20


class TestBlindSpots:
    def columns(self, rng: np.random.Generator, n: int) -> list[Coded]:
        return [Coded(f"a{j}", "metadata", rng.integers(0, 3, n), ("x", "y", "z")) for j in range(4)]

    def test_a_cluster_of_errors_is_found_and_confirmed(self) -> None:
        rng = np.random.default_rng(0)
        features = rng.normal(size=(1200, 8)).astype(np.float32)
        spot = np.arange(1200) < 90
        features[spot] += 5 * np.eye(8)[2]
        wrong = rng.random(1200) < np.where(spot, 0.6, 0.03)
        made = find_blind_spots(self.columns(rng, 1200), features, wrong, rng.integers(0, 3, 1200), seed=0)
        assert made is not None
        inside = np.any([made.inside(s) for s in made.report.confirmed], axis=0)
        assert (inside & spot).sum() / spot.sum() > 0.8
        assert (inside & spot).sum() / inside.sum() > 0.7

    @pytest.mark.parametrize("places", [2, 3])
    def test_groups_keep_their_names_where_every_answer_falls_into_one(self, places: int) -> None:
        """All answers lie at a few places: nobody is left for none, and no group is called so."""
        rng = np.random.default_rng(3)
        at = np.arange(400) % places
        features = np.eye(4, dtype=np.float32)[at]
        wrong = rng.random(400) < 0.3
        made = find_blind_spots(self.columns(rng, 400), features, wrong, np.zeros(400, int), seed=0)
        assert made is not None
        spots = made.columns[-1]
        assert (spots.name, spots.values[-1]) == ("blind_spot", "none")
        assert spots.values[:-1] == tuple(f"group {j + 1}" for j in range(len(spots.values) - 1))
        held = {spots.values[code] for code in np.unique(spots.codes[spots.codes >= 0])}
        assert held and "none" not in held

    def test_an_attribute_is_named(self) -> None:
        rng = np.random.default_rng(1)
        columns = self.columns(rng, 1500)
        wrong = rng.random(1500) < np.where(columns[2].codes == 1, 0.2, 0.03)
        made = find_blind_spots(columns, None, wrong, rng.integers(0, 3, 1500), seed=0)
        assert made is not None
        assert made.report.confirmed[0].conjunction.conditions == ((2, 1),)
        assert (made.values[0].name, made.values[0].value) == ("a2", "y")
        assert made.values[0].q < 0.001 and made.values[0].effect > 0.1

    @pytest.mark.parametrize("runs", [40, pytest.param(300, marks=pytest.mark.slow)])
    def test_coin_flips_confirm_nothing(self, runs: int) -> None:
        """Errors at random: groups formed of them in one half do not return in the other."""
        confirmed = told = 0
        for seed in range(runs):
            rng = np.random.default_rng(seed)
            features = rng.normal(size=(600, 6)).astype(np.float32)
            wrong = rng.random(600) < 0.08
            made = find_blind_spots(
                self.columns(rng, 600), features, wrong, rng.integers(0, 4, 600), seed=seed
            )
            assert made is not None
            confirmed += bool(made.report.confirmed)
            told += any(v.q <= 0.05 for v in made.values)
        assert confirmed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)
        assert told / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)

    def test_hard_classes_are_no_group(self) -> None:
        """One predicted class is often wrong, and an attribute goes with that class: compared within it, nothing."""
        hits = 0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            predicted = rng.integers(0, 2, 800)
            wrong = rng.random(800) < np.where(predicted == 1, 0.3, 0.02)
            codes = np.where(rng.random(800) < 0.85, predicted, 1 - predicted)
            made = find_blind_spots(
                [Coded("goes_along", "metadata", codes, ("n", "y"))], None, wrong, predicted, seed=seed
            )
            assert made is not None
            hits += bool(made.report.confirmed)
        assert hits <= 2

    def test_nothing_to_go_by(self) -> None:
        wrong = np.array([True, False])
        assert find_blind_spots([], None, wrong, np.zeros(2, int), seed=0) is None
        unknown = np.full((2, 3), np.nan, np.float32)
        assert find_blind_spots([], unknown, wrong, np.zeros(2, int), seed=0) is None


def blind_world(seed: int, n: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, features, errors, and the group of each error (−1 for none).

    Uncertain images (15 %) are wrong half of the time, in five groups; five rare groups unlike their class (1 % each)
    are answered with confidence and wrong in seven of ten cases; the rest is confident and right in 99 %.
    """
    rng = np.random.default_rng(seed)
    kind = rng.choice([0, 1, 2], n, p=[0.8, 0.15, 0.05])
    centres = rng.normal(size=(10, 12)) * 1.2
    features = rng.normal(size=(n, 12)) * 0.6
    group = rng.integers(0, 5, n)
    features[kind == 1] += centres[group[kind == 1]] * 0.6
    features[kind == 2] += centres[5 + group[kind == 2]] * 1.5
    top = np.where(kind == 1, rng.uniform(0.4, 0.75, n), rng.uniform(0.93, 0.999, n))
    predicted = rng.integers(0, 3, n)
    features += rng.normal(size=(3, 12))[predicted] * np.where(kind == 2, 0.5, 1.5)[:, None]
    scores = np.repeat(((1 - top) / 2)[:, None], 3, 1)
    scores[np.arange(n), predicted] = top
    wrong = rng.random(n) < np.array([0.01, 0.5, 0.7])[kind]
    names = np.where(kind == 0, -1, group + 5 * (kind - 1))
    return scores.astype(np.float32), features.astype(np.float32), wrong, np.where(wrong, names, -1)


class TestPlan:
    def test_deep_gini_by_hand(self) -> None:
        assert deep_gini(np.array([[1, 0], [0.5, 0.5]], np.float32)).tolist() == [0, 0.5]

    def test_atypical_is_relative_to_the_class(self) -> None:
        rng = np.random.default_rng(0)
        references = np.concatenate(
            [rng.normal(size=(80, 6)) * 0.2 + 2, rng.normal(size=(80, 6)) * 0.2 - 2]
        ).astype(np.float32)
        of = np.repeat([0, 1], 80)
        images = np.stack(
            [references[:80].mean(0), references[80:].mean(0), -references[:80].mean(0) + np.eye(6)[0] * 9]
        )
        made = atypicality(images, np.array([0, 1, 0]), references, of)
        assert made[0] < 1.5 and made[1] < 1.5 and made[2] > 5
        itself = atypicality(references[:3], np.zeros(3, int), references, of, same=np.arange(3))
        assert (itself > 0.2).all()  # not compared with itself
        assert np.isnan(atypicality(images[:1], np.array([2]), references, of)[0])

    def test_shares_and_what_fills_them(self) -> None:
        scores, features, _, _ = blind_world(0, 400)
        atypical = np.linspace(0, 2, 400)
        plan = label_plan(scores, features, atypical, 30, confidence=0.9, uncertain_share=0.5)
        assert [c.why for c in plan].count("uncertain") == 15
        assert len({c.position for c in plan}) == 30
        assert all(scores[c.position].max() >= 0.9 for c in plan if c.why != "uncertain")
        alone = label_plan(scores, features, None, 30, confidence=0.9)
        assert all(c.why == "uncertain" and c.atypical is None for c in alone)
        all_sure = label_plan(
            np.tile(np.float32([[0.95, 0.05]]), (20, 1)), features[:20], atypical[:20], 10, confidence=0.9
        )
        assert len(all_sure) == 10 and all(c.why != "uncertain" for c in all_sure)
        assert len(label_plan(scores[:3], features[:3], atypical[:3], 10, confidence=0.9)) == 3

    def test_both_shares_find_more_errors_and_more_kinds_of_them_than_chance(self) -> None:
        """On a known world, over seeds: per label, and in distinct groups; each share against random images like it."""
        ours, chance = np.zeros((10, 4)), np.zeros((10, 4))
        for seed in range(10):
            scores, features, wrong, group = blind_world(seed)
            labelled, pool = np.arange(1000), np.arange(1000, 2000)
            right = labelled[~wrong[:1000]]
            predicted = scores.argmax(1)
            far = atypicality(features[pool], predicted[pool], features[right], predicted[right])
            plan = label_plan(scores[pool], features[pool], far, 40, confidence=0.9)
            parts = [
                [pool[c.position] for c in plan if (c.why == "uncertain") == which] for which in (True, False)
            ]
            sure = scores[pool].max(1) >= 0.9
            rng = np.random.default_rng(seed)
            for k, (part, like) in enumerate(zip(parts, (np.ones(1000, bool), sure), strict=True)):
                ours[seed, 2 * k : 2 * k + 2] = wrong[part].mean(), len(set(group[part]) - {-1})
                for _ in range(20):
                    drawn = rng.choice(pool[like], len(part), replace=False)
                    chance[seed, 2 * k : 2 * k + 2] += (
                        np.array([wrong[drawn].mean(), len(set(group[drawn]) - {-1})]) / 20
                    )
        assert (ours.mean(0) > 2 * chance.mean(0)).all(), (ours.mean(0), chance.mean(0))
        assert ((ours > chance).mean(0) >= 0.9).all()


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(600)
def test_the_plan_on_ten_thousand_real_predictions(shared_data: Path, tmp_path: Path) -> None:
    """CIFAR-10 and a ResNet-20: half of the test images are labelled, the other half is the pool; over splits at random."""
    from failsight.tools.engine import predict
    from failsight.tools.inputs import open_images, open_model

    model = open_model(shared_data / "models" / "cifar10_resnet20.safetensors", arch="cifar_resnet20")
    table = open_images(shared_data / "cifar10" / "test", classes=model.classes)
    made = predict(table, model)
    assert made.features is not None
    measured = np.array([_real(made, seed) for seed in range(5)]).mean(0)
    uncertain, at_random, confident, confident_at_random = measured
    assert uncertain > 2 * at_random
    assert confident > 1.5 * confident_at_random


def _real(made: object, seed: int) -> tuple[float, float, float, float]:
    """Errors per label of both shares, beside random images and random confident ones."""
    features, scores = np.asarray(made.features, np.float32), made.scores  # type: ignore[attr-defined]
    wrong, predicted = ~made.correct, made.predicted  # type: ignore[attr-defined]
    order = np.random.default_rng(seed).permutation(len(wrong))
    known, pool = order[:5000], order[5000:]
    right = known[~wrong[known]]
    far = atypicality(features[pool], predicted[pool], features[right], predicted[right])
    plan = label_plan(scores[pool], features[pool], far, 100, confidence=0.9)
    unsure, sure = (
        [pool[c.position] for c in plan if (c.why == "uncertain") == which] for which in (True, False)
    )
    confident = pool[scores[pool].max(1) >= 0.9]
    return wrong[unsure].mean(), wrong[pool].mean(), wrong[sure].mean(), wrong[confident].mean()
