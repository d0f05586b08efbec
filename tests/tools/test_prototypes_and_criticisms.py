"""prototypes_and_criticisms: hand-made clusters, errors marked, slices; hostile input; through the agent loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools import prototypes_and_criticisms as module
from failsight.tools.errors import RetryError
from failsight.tools.prototypes_and_criticisms import prototypes_and_criticisms
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot
from tests.tools.test_embedding_map import black_box, world


def breeds(**more: Any) -> FakeView:
    """Dogs of two breeds (40 and 20) and six odd ones, all of these taken for cats; 66 cats."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 66)
    features = rng.normal(size=(132, 4)) * 0.3
    features[40:60, 0] += 6
    features[60:66] += rng.normal(size=(6, 4)) * 8
    features[66:, 1] += 9
    predicted = labels.copy()
    predicted[60:66] = 1
    breed = ["hound"] * 40 + ["pug"] * 20 + ["odd"] * 6 + ["cat"] * 66
    pixels = rng.integers(0, 255, (132, 4, 4, 3)).astype(np.uint8)
    table = FakeTable(pixels, labels, ("dog", "cat"), {"breed": breed})
    view = FakeView({"data": table}, scores={"data": one_hot(predicted, 2)}, **more)
    view.given_features = {"data": features.astype(np.float32)}
    return view


def kinds(made: Any, kind: str) -> list[int]:
    return [i.row for i in made.images if i.caption.startswith(kind)]


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(prototypes_and_criticisms)


def test_each_breed_has_a_prototype_and_the_odd_ones_go_wrong(tmp_path: Path) -> None:
    made = prototypes_and_criticisms(breeds(folder=tmp_path), class_name="dog", k=3, criticisms=4)
    check_evidence(made)
    prototypes, critics = kinds(made, "prototype"), kinds(made, "criticism")
    assert any(r < 40 for r in prototypes)
    assert any(40 <= r < 60 for r in prototypes)
    assert all(r < 66 for r in (*prototypes, *critics))
    assert sum(r >= 60 for r in critics) >= 2
    assert all(("wrong" in i.caption) == (i.row >= 60) for i in made.images)
    assert made.fact("error_rate", "far from every prototype").value > 0.5  # type: ignore[operator]
    assert made.fact("error_rate", "the others").value < 0.1  # type: ignore[operator]
    assert any("go wrong more often" in s for s in made.next_steps)
    assert any("by construction" in n for n in made.notes)
    assert made.questions == ("input.5",)
    assert made.findings == ()
    assert {p.name for p in tmp_path.iterdir()} == {"prototypes.png", "criticisms.png"}


def test_of_a_slice_and_of_everything() -> None:
    made = prototypes_and_criticisms(breeds(), where="breed=pug", k=2, criticisms=0)
    assert all(40 <= r < 60 for r in kinds(made, "prototype"))
    assert kinds(made, "criticism") == []
    assert made.questions == ()
    everything = prototypes_and_criticisms(breeds(), k=2)
    assert {i.label for i in everything.images[:2]} == {"dog", "cat"}
    assert everything.fact("n", "evaluation images").value == 132


def test_groups_of_the_table_add_up_and_the_same_call_gives_the_same() -> None:
    first, second = (prototypes_and_criticisms(breeds(), class_name="dog") for _ in "ab")
    assert first.to_dict() == second.to_dict()
    assert sum(r[4] for r in first.tables[0].rows if r[0] == "prototype") == 66  # type: ignore[misc]


def test_of_many_images_a_sample_is_taken_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 50)
    made = prototypes_and_criticisms(breeds(), class_name="dog")
    assert made.fact("n", "evaluation images of dog").value == 50
    assert any("among 50 of the 66" in n for n in made.notes)


def test_without_answers_labels_or_features_it_says_so(tmp_path: Path) -> None:
    made = prototypes_and_criticisms(black_box(folder=tmp_path, n=90), k=3)
    check_evidence(made)
    assert "small copies" in made.summary
    view = world()
    view.table().labels[:] = -1
    made = prototypes_and_criticisms(view, k=3)
    check_evidence(made)
    assert not any(f.name == "error_rate" for f in made.facts)
    same = world()
    same.given_features["data"][:] = 1
    check_evidence(prototypes_and_criticisms(same, k=3))


def test_what_can_not_be_done_is_refused() -> None:
    for given, said in (
        ({"class_name": "bird"}, "no class 'bird'"),
        ({"where": "breed=wolf"}, "never 'wolf'"),
        ({"where": "breed=odd"}, "6 evaluation images with breed=odd.*at least 8"),
        ({"split": "train"}, "no 'train'"),
        ({"space": "encoder"}, "encoder"),
    ):
        with pytest.raises(RetryError, match=said):
            prototypes_and_criticisms(breeds(), **given)  # type: ignore[arg-type]


def test_a_plain_sentence_reaches_it(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(case, policy="auto")
    events = list(session.say("show me prototypes of the blue room"))
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    assert made.tool == "prototypes_and_criticisms"
    assert made.arguments["class_name"] == "blue_room"
    session.close()
    case.close()
