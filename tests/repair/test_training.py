"""What is drawn how often, what is held out, how pictures are changed, and the head that is fitted at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.repair import augment, recipes
from failsight.tools.repair.around import threshold
from failsight.tools.repair.heads import fit_head, log_softmax
from failsight.tools.repair.piles import Pile, as_added, cue_of, join
from failsight.tools.repair.recipes import Recipe
from failsight.tools.repair.steps import one_cycle, worst_group
from failsight.tools.repair.training import Lesson


def pile(n: int = 40, size: int = 12, seed: int = 0) -> Pile:
    """Grey noise; every other picture shows a white square of 4 × 4 in its box."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 90, (n, size, size, 3)).astype(np.uint8)
    boxes: list[tuple[tuple[float, float, float, float], ...]] = [() for _ in range(n)]
    for i in range(0, n, 2):
        y, x = (int(v) for v in rng.integers(0, size - 4, 2))
        pixels[i, y : y + 4, x : x + 4] = 255
        boxes[i] = ((x / size, y / size, (x + 4) / size, (y + 4) / size),)
    inside = np.arange(n) % 2 == 0
    return Pile(pixels, np.arange(n) % 3, inside, tuple(boxes), np.zeros(n, bool), np.arange(n))


labels_and_added = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=2, max_size=60)


@settings(deadline=None, max_examples=50)
@given(labels_and_added)
def test_mixing_keeps_the_classes_of_the_usual_images(pairs: list[tuple[int, bool]]) -> None:
    labels, added = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    draws = recipes.mixed(labels, added)
    assert draws.sum() == pytest.approx(1)
    assert (draws > 0).all()
    usual = labels[~added]
    if len(usual) and set(labels) == set(usual):
        for c in set(labels):
            assert draws[labels == c].sum() == pytest.approx(float((usual == c).mean()))
            new = draws[(labels == c) & added].sum()
            assert new <= recipes.MOST_ADDED * draws[labels == c].sum() + 1e-9


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=80))
def test_balancing_gives_small_groups_more_but_never_too_much(groups: list[int]) -> None:
    codes = np.array(groups)
    draws = recipes.balanced(codes)
    assert draws.sum() == pytest.approx(1)
    assert draws.max() <= recipes.MOST_BOOST / len(codes) * 1.01 + 1e-9
    counts = np.bincount(codes)[codes]
    assert (draws[counts == counts.min()].min()) >= draws[counts == counts.max()].max() - 1e-12


@settings(deadline=None, max_examples=50)
@given(labels_and_added, st.integers(0, 99))
def test_something_of_every_group_stays_to_learn_from(pairs: list[tuple[int, bool]], seed: int) -> None:
    groups, added = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    held = recipes.hold_out(groups, added, Recipe(held_out=0.5, held_added=0.9), np.random.default_rng(seed))
    for g in set(groups):
        for new in (False, True):
            part = (groups == g) & (added == new)
            assert not part.any() or not held[part].all()


def test_hard_examples_come_five_times_as_often() -> None:
    draws = recipes.hard(np.array([True, False, False]))
    assert draws.tolist() == pytest.approx([5 / 7, 1 / 7, 1 / 7])


def test_rounds_end_at_the_last_step() -> None:
    assert Recipe(steps=80, rounds=5).ends() == [16, 32, 48, 64, 80]
    assert Recipe(steps=2, rounds=5).ends() == [1, 2]
    with pytest.raises(ValueError):
        Recipe(steps=0)
    with pytest.raises(ValueError):
        Recipe(held_out=1.0)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [one_cycle(s, 50, 1.0) for s in range(50)]
    assert max(rates) == pytest.approx(1, abs=0.05)
    assert rates[0] < 0.2
    assert rates[-1] < 0.01


def test_the_worst_group_is_judged_where_it_is_large_enough() -> None:
    right = np.array([True] * 30 + [False] * 10 + [True] * 15 + [False] * 5)
    groups = np.array([0] * 40 + [1] * 10 + [2] * 10)
    assert worst_group(right, groups) == pytest.approx(0.75)  # groups 1 and 2 are judged together: 15 of 20
    assert worst_group(right[:5], groups[:5]) == 1.0


def test_a_cover_hides_the_cue_and_the_control_leaves_it() -> None:
    images = pile(60, 24)
    at = np.arange(60)
    donors = augment.donors_of(images, 0)
    assert len(donors) == 30
    rng = np.random.default_rng(1)
    hidden = augment.cover(images, donors, elsewhere=False)(images.pixels, at, rng)
    control = augment.cover(images, donors, elsewhere=True)(images.pixels, at, np.random.default_rng(1))
    white = (images.pixels == 255).all(-1)
    cue = white.any((1, 2))
    gone = [float((hidden[i][white[i]] != 255).mean()) for i in np.flatnonzero(cue)]
    kept = [float((control[i][white[i]] != 255).mean()) for i in np.flatnonzero(cue)]
    assert 0.25 < np.mean(gone) < 0.75
    assert np.mean(kept) < 0.1
    others = (hidden != images.pixels).any((1, 2, 3))[~cue].mean()
    assert 0.25 < others < 0.75  # pictures without the cue are covered as often
    assert (images.pixels == pile(60, 24).pixels).all()  # nothing is changed in place


def test_pasting_ties_the_cue_to_no_class_and_the_control_pastes_none() -> None:
    images = pile(80, 24)
    donors = augment.donors_of(images, 0)
    pasted = augment.paste(images, donors, plain=False)(
        images.pixels, np.arange(80), np.random.default_rng(2)
    )
    plain = augment.paste(images, donors, plain=True)(images.pixels, np.arange(80), np.random.default_rng(2))
    shows = lambda p: (p == 255).all(-1).sum((1, 2)) >= 12  # noqa: E731
    without = ~images.inside
    assert 0.3 < shows(pasted)[without].mean() < 0.7
    assert 0.3 < shows(pasted)[images.inside].mean() < 0.7
    assert not shows(plain)[without].any()
    assert shows(plain)[images.inside].mean() > 0.8


def test_pictures_take_over_the_light_and_noise_of_the_target() -> None:
    rng = np.random.default_rng(0)
    dark = np.clip(rng.normal(30, 12, (10, 32, 32, 3)), 0, 255).astype(np.uint8)
    smooth = np.broadcast_to(np.linspace(120, 220, 32)[:, None, None], (10, 32, 32, 3)).astype(np.uint8)
    made = augment.look_like(dark)(smooth, np.arange(10), np.random.default_rng(1))
    changed = (made != smooth).any((1, 2, 3))
    assert 2 <= changed.sum() <= 8
    assert abs(float(made[changed].mean()) - 30) < 6
    back = augment.look_like(smooth)(dark, np.arange(10), np.random.default_rng(1))
    assert float(np.diff(back[changed].astype(float), axis=1).std()) < 40


def test_piles_are_joined_in_order_and_know_what_was_added() -> None:
    one, two = pile(4), as_added(pile(2, seed=3))
    both = join(one, two)
    assert both.added.tolist() == [False] * 4 + [True] * 2
    assert np.array_equal(both.pixels[4:], two.pixels)
    assert both.take(np.array([5, 0])).labels.tolist() == [1, 0]
    assert join(one) is one
    assert both.groups(3).tolist() == [1, 2, 5, 0, 1, 2]


@pytest.mark.parametrize(
    ("conditions", "cue"),
    [({"tv": "yes"}, "tv"), ({"tv": "no"}, ""), ({"tv": "yes", "cat": "yes"}, ""), ({}, ""), (None, "")],
)
def test_a_cue_is_a_single_object_that_is_shown(conditions: dict[str, str] | None, cue: str) -> None:
    assert cue_of(conditions) == cue


def lesson(n: int, labels: np.ndarray, held: np.ndarray, draws: np.ndarray | None = None) -> Lesson:
    zeros = np.zeros(n, np.int64)
    images = Pile(np.zeros((n, 2, 2, 3), np.uint8), labels, zeros > 0, ((),) * n, zeros > 0, zeros)
    weights = np.where(held, 0, 1.0) if draws is None else draws
    return Lesson(images, held, weights / weights.sum(), np.ones(n), labels * 2, None, Recipe(), 0, "k")


def test_a_head_finds_what_tells_the_classes() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    x = rng.normal(size=(400, 5)).astype(np.float32) * [1, 10, 0.1, 1, 1] + 4
    x[:, 2] += 0.4 * labels
    held = np.arange(400) % 5 == 0
    head = fit_head(x.astype(np.float32), lesson(400, labels, held), 3, lambda _: None)
    predicted = (x @ head.weight.T + head.bias).argmax(1)
    assert (predicted == labels)[held].mean() > 0.85
    again = fit_head(x.astype(np.float32), lesson(400, labels, held), 3, lambda _: None)
    assert np.array_equal(head.weight, again.weight)
    assert 1 <= head.best <= len(head.history)


def test_a_head_agrees_with_an_independent_optimum() -> None:
    """At the optimum of mean loss + penalty the gradient vanishes; checked by finite differences."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    x[:, 0] += labels
    head = fit_head(x, lesson(200, labels, np.zeros(200, bool)), 2, lambda _: None)
    mean, spread = x.astype(float).mean(0), x.astype(float).std(0)
    z, w = (x - mean) / spread, head.weight * spread
    offset = head.bias + head.weight @ mean

    def cost(flat: np.ndarray) -> float:
        own = flat.reshape(2, 3)
        return -log_softmax(z @ own.T + offset)[np.arange(200), labels].mean() + head.penalty * float(
            (own**2).sum()
        )

    best = cost(w.ravel())
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-3
        assert abs(cost(w.ravel() + step) - cost(w.ravel() - step)) / 2e-3 < 2e-2
    assert best < np.log(2)


def test_weights_of_images_move_a_head() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 100)
    x = rng.normal(size=(200, 1)).astype(np.float32) + labels[:, None]
    even = fit_head(x, lesson(200, labels, np.zeros(200, bool)), 2, lambda _: None)
    tilted = fit_head(
        x, lesson(200, labels, np.zeros(200, bool), np.where(labels == 1, 5.0, 1.0)), 2, lambda _: None
    )
    share = lambda h: ((x @ h.weight.T + h.bias).argmax(1) == 1).mean()  # noqa: E731
    assert share(tilted) > share(even) + 0.1


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 40), st.integers(0, 20))
def test_the_bound_of_deferral_keeps_the_risk_on_what_chose_it(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sure, right = rng.random(n), rng.random(n) < 0.7
    bound = threshold(sure, right, 0.2)
    given_ = sure >= bound
    assert bound == 1.0 or (~right)[given_].mean() <= 0.2


def test_an_added_image_of_a_known_row_is_read_back(tmp_path: Path) -> None:
    from failsight.tools.repair.additions import by_path, label_of
    from tests.fakes.view import FakeTable

    table = FakeTable(np.zeros((2, 4, 4, 3)), [0, 1], ("a", "b"))
    assert by_path(table)["img_00001.png"] == 1
    assert label_of({"path": "x", "label": "", "truth": " b "}) == "b"
    assert label_of({"path": "x", "new_label": "c", "label": "b"}) == "c"
    assert label_of({"path": "x"}) == ""
    assert replace(Recipe(), steps=3).ends()[-1] == 3
