"""Wrong labels of one annotator are confirmed; hard images, weak models and overconfident models are not called label noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from failsight.tools.inputs.base import AttributeTable
from failsight.tools.labels.groups import (
    FLOOR,
    SHARE,
    Excess,
    misleading_content,
    sort_columns,
    within_labels,
)
from failsight.tools.labels.report import group_finding
from failsight.tools.labels.tables import group_table
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import interval
from tests.checks.label_worlds import confirmed, judged, world

NULLS = [
    {"accuracy": 0.9},
    {"accuracy": 0.6},
    {"accuracy": 0.6, "overconfident": 3.0, "imbalanced": True},
    {"accuracy": 0.8, "overconfident": 3.0, "hard": "noisy"},
    {"accuracy": 0.9, "hard": "noisy", "by": 0.5},
    {"accuracy": 0.9, "overconfident": 3.0, "hard": "faint", "by": 1.5},
    {"accuracy": 0.9, "hard": "faint", "by": 0.4},
    {"accuracy": 0.85, "overconfident": 2.0, "hard": "shifted"},
]


@pytest.mark.parametrize("kind", NULLS, ids=str)
def test_clean_labels_are_not_confirmed_in_a_few_worlds(kind: dict) -> None:
    assert sum(bool(confirmed(seed, **kind)) for seed in range(4)) <= 1


def test_a_fifth_wrong_by_one_annotator_is_confirmed_in_a_few_worlds() -> None:
    assert [confirmed(seed, noise=0.2, n=900) for seed in range(4)].count(["B"]) >= 3


def test_hard_images_are_told_by_how_sure_the_model_is() -> None:
    first = {g.value: g for g in judged(*world(0, n=2000, hard="noisy"))}["B"]
    assert first.effect > 0.05  # many more suspects, and yet
    assert first.verdict != "confirmed" and first.p_apart < 0.01


def test_the_same_images_under_another_name_are_one_trouble() -> None:
    from failsight.tools.labels.groups import judge_groups
    from failsight.tools.labels.scores import Scored
    from failsight.tools.stats.confident import confident_counts

    labels, scores, group = world(3, n=1500, noise=0.3)
    rows = np.arange(len(labels))
    scored = Scored("data", tuple("abcde"), rows, rows, labels, scores.astype(float), "")
    named = [("annotator", "B", group == 1), ("batch", "seven", group == 1), ("annotator", "C", group == 2)]
    made = judge_groups(
        scored, confident_counts(labels, scored.scores).suspect, named, np.ones(len(rows), bool)
    )
    assert [g.verdict for g in made].count("confirmed") == 1
    assert any("same trouble" in g.why for g in made)


def test_the_measure_that_is_shown_is_the_one_that_decided() -> None:
    made = [g for seed in range(4) for kind in NULLS[:3] for g in judged(*world(seed, n=1500, **kind))]
    made += [g for seed in range(4) for g in judged(*world(seed, noise=0.2, n=900))]
    refuted = [g for g in made if g.verdict == "refuted"]
    assert {g.measure.name for g in refuted} == {FLOOR, SHARE}  # both ways come up
    for g in refuted:
        test = group_finding(g, "data").tests[0]
        assert test.ci[1] < 0.05 and test.ci[0] <= test.effect <= test.ci[1], g
        assert g.measure.name in g.why and interval(test.ci, "points") in g.why
        assert g.measure.name in test.statistic and test.p == g.measure.p
        assert test.q is None or test.q >= test.p
    for g in made:
        if g.verdict == "confirmed":
            assert g.measure.ci[0] > 0 and g.measure.effect >= 0.05
    (row,) = group_table(refuted[:1]).rows
    table = dict(zip(group_table(refuted[:1]).columns, row, strict=True))
    assert table["judged by"] == refuted[0].measure.name
    assert table["interval"] == interval(refuted[0].measure.ci, "points")


def test_a_second_look_that_confirms_is_the_one_that_is_shown() -> None:
    first = judged(*world(0, n=900))[0]
    excess = Excess(0.233, 0.119, 0.113, (0.063, 0.167), 0.44, 0.48)
    row = group_table([replace(first, verdict="confirmed", excess=excess)]).rows[0]
    assert "disagreement within labels" in row and "[+6.3, +16.7] points" in row


def test_what_is_wrong_within_no_label_is_not_called_an_excess_by_their_mix() -> None:
    """Group and suspects both go along with the label; within labels there is no difference, whatever the plain rates say."""
    labels = np.repeat([0, 1], 200)
    hit = np.r_[np.arange(200) % 2 == 0, np.zeros(200, bool)]
    inside = np.r_[np.arange(200) < 180, np.arange(200) < 20]
    found = within_labels(hit, labels, inside, np.ones(400, bool))
    assert found.value == pytest.approx(0.0, abs=1e-9) and found.ci[0] < 0 < found.ci[1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("n", [600, 2000])
@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("kind", NULLS, ids=str)
def test_clean_labels_are_confirmed_in_at_most_one_world_of_twenty(kind: dict, k: int, n: int) -> None:
    """The rate itself, within its interval over 200 worlds."""
    called = sum(bool(confirmed(seed, n=n, k=k, **kind)) for seed in range(200))
    assert wilson(called, 200)[0] <= 0.05, called


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("n", "k", "least"), [(600, 5, 0.9), (600, 10, 0.9), (2000, 2, 0.9), (2000, 5, 0.9), (600, 2, 0.8)]
)
@pytest.mark.parametrize("more", [{}, {"overconfident": 2.5}, {"systematic": False}], ids=str)
def test_a_fifth_wrong_by_one_annotator_is_confirmed(n: int, k: int, least: float, more: dict) -> None:
    """Two classes and 150 images of the annotator are the hardest: two classes leave only one direction for an error."""
    found = sum("B" in confirmed(seed, n=n, k=k, noise=0.2, **more) for seed in range(100))
    assert found >= 100 * least, found


def _attributes(n: int, **columns: tuple[str, list]) -> AttributeTable:
    values = {
        name: np.array(v, object if isinstance(v[0], str) else float) for name, (_, v) in columns.items()
    }
    return AttributeTable(np.arange(n), values, {name: source for name, (source, _) in columns.items()})


def test_only_metadata_that_tells_of_the_labelling_is_tested() -> None:
    a, b = ["yes", "no"] * 20, ["A", "B"] * 20
    made = sort_columns(
        _attributes(
            40,
            annotator=("metadata", b),
            television=("metadata", a),
            label_source_tv=("metadata", a),  # by name about labelling, by value the object again
            tv=("object", a),
            brightness=("computed", [0.1, 0.9] * 20),
            camera=("metadata", ["x", "x", "y", "y"] * 10),
        ),
        np.arange(40),
        None,
    )
    assert [c.name for c in made.labelling] == []  # annotator B is here the same as "no television"
    shifted = sort_columns(
        _attributes(
            40,
            annotator=("metadata", ["A", "A", "B", "B"] * 10),
            tv=("object", a),
            batch_no=("metadata", ["x", "y"] * 20),
        ),
        np.arange(40),
        None,
    )
    assert [c.name for c in shifted.labelling] == ["annotator"]
    asked = sort_columns(
        _attributes(40, camera=("metadata", ["x", "x", "y", "y"] * 10)), np.arange(40), ["camera"]
    )
    assert [c.name for c in asked.labelling] == ["camera"]


@pytest.mark.parametrize(
    "name",
    [
        "annotator",
        "Observer",
        "Beobachter/in",
        "Datum",
        "Uhrzeit",
        "Prüferin",
        "observateur",
        "Fecha",
        "batch_no",
        "année",
        "ANOTADORA",
    ],
)
def test_who_and_when_is_read_off_a_name_in_four_languages(name: str) -> None:
    made = sort_columns(_attributes(40, **{name: ("metadata", ["A", "B"] * 20)}), np.arange(40), None)
    assert [c.name for c in made.labelling] == [name]


@pytest.mark.parametrize(
    "name", ["Licht", "Kamera-Standort", "patient", "Bemerkung", "television", "land cover", "Météo"]
)
def test_what_the_images_show_and_whose_they_are_labels_nothing(name: str) -> None:
    made = sort_columns(_attributes(40, **{name: ("metadata", ["A", "B"] * 20)}), np.arange(40), None)
    assert not made.labelling and [c.name for c in made.content] == [name]


def test_content_that_misleads_the_model_is_found() -> None:
    rng = np.random.default_rng(0)
    television = rng.random(800) < 0.3
    suspect = rng.random(800) < np.where(television, 0.4, 0.03)
    labels = rng.integers(0, 3, 800)
    table = _attributes(800, television=("object", ["yes" if t else "no" for t in television]))
    found = misleading_content(sort_columns(table, np.arange(800), None), suspect, labels, np.ones(800, bool))
    assert list(found) == ["television=yes"]
