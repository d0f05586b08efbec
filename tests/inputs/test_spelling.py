"""Names in other spellings are forgiven; names that differ are never taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from failsight.tools.errors import UserError
from failsight.tools.expectations.names import parse_price
from failsight.tools.inputs import open_black_box
from failsight.tools.inputs.classes import match_labels
from failsight.tools.inputs.decisions import named_thresholds
from failsight.tools.inputs.spelling import Spellings, folded

ALIKE = [
    ("♥A", "♠A", "♦A", "♣A"),
    ("+1", "-1"),
    ("a", "A", "b", "B"),
    ("C", "C++", "C#"),
    (">50K", "<=50K"),
    ("का", "कि"),
]


@pytest.mark.parametrize("names", ALIKE)
def test_answers_are_counted_for_the_class_that_they_name(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    rows = [f"{i}.png,{name},{name}" for i, name in enumerate(names * 4)]
    rows[0] = f"0.png,{names[0]},{names[1]}"
    path.write_text("\n".join(["path,label,prediction", *rows, ""]), encoding="utf-8")
    table, made = open_black_box(path)
    assert set(made.classes) == set(names)
    assert made.correct.tolist() == [False, *[True] * (4 * len(names) - 1)]
    assert not any("spel" in note for note in table.notes)


@pytest.mark.parametrize("names", ALIKE)
def test_scores_are_read_from_the_column_of_their_class(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    k = len(names)
    lines = [",".join(["path", "label", "prediction", *(f"p_{n}" for n in names)])]
    for i, name in enumerate(names * 3):
        scores = ["0.9" if n == name else str(0.1 / (k - 1)) for n in names]
        lines.append(",".join([f"{i}.png", name, name, *scores]))
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    _, made = open_black_box(path)
    assert made.classes == names and made.has_scores
    assert made.correct.all() and made.scores.max(1) == pytest.approx(0.9)


def test_answers_that_are_only_spelt_otherwise_are_the_same_class(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("path,label,prediction\na,Cat,cat\nb,Big dog,big_dog\nc,Cat,big_dog\n")
    table, made = open_black_box(path)
    assert made.classes == ("Big dog", "Cat")
    assert made.correct.tolist() == [True, True, False]
    assert any("spelt otherwise than labels" in note for note in table.notes)


def test_one_of_two_classes_alone_keeps_its_own_column(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("path,label,p_a\n1.png,a,0.9\n2.png,A,0.2\n3.png,A,0.1\n")
    _, made = open_black_box(path)
    assert set(made.classes) == {"a", "A"} and made.correct.all()
    path.write_text("path,label,p_-1\n1.png,-1,0.9\n2.png,+1,0.2\n3.png,+1,0.1\n")
    _, made = open_black_box(path)
    assert set(made.classes) == {"-1", "+1"} and made.correct.all()


def test_a_word_that_could_be_several_names_is_none_of_them() -> None:
    assert Spellings(["a", "A"]).find("a") == "a"
    assert Spellings(["Aa", "aA"]).find("aa") is None
    assert Spellings(["Living Room"]).find("living_room") == "Living Room"
    assert Spellings(["-1", "0"]).find("+1") is None  # never the opposite sign
    assert Spellings(["-1", "1"]).find("+1") == "1"
    assert Spellings(["−1", "1"]).find("-1") == "−1"
    assert Spellings(["class 1"]).find("class #1") == "class 1"
    assert Spellings(["C++", "Java"]).find("C") is None
    assert folded("softmax(cat)") == folded("Softmax Cat")


def test_thresholds_and_maps_hold_for_the_class_that_they_name() -> None:
    assert named_thresholds({"C++": 0.2, "C": 0.3}, ("C", "C++", "C#")) == {"C++": 0.2, "C": 0.3}
    assert named_thresholds({"A": 0.2, "a": 0.3}, ("a", "A")) == {"A": 0.2, "a": 0.3}
    with pytest.raises(UserError, match="no class"):
        named_thresholds({"aa": 0.2}, ("Aa", "aA"))
    made = match_labels(["a", "A"], ("low", "high"), {"a": "low", "A": "high"}, "x")
    assert made.index == {"a": 0, "A": 1}


def test_labels_that_are_read_as_one_class_are_told() -> None:
    made = match_labels(["cat", "Cat", "dog"], ("Cat", "dog"), {}, "x")
    assert made.index == {"cat": 0, "Cat": 0, "dog": 1}
    assert made.notes == ("Labels that differ in spelling are read as one class: Cat and cat as Cat.",)
    assert match_labels(["♥A", "♠A"], ("♥A", "A"), {}, "x").index == {"♥A": 0}


@pytest.mark.parametrize(
    ("classes", "sentence", "meant"),
    [
        (("C", "C++", "C#"), "what is the recall of C++?", ["C++"]),
        (("C", "C++", "C#"), "how often is C# taken for C?", ["C#", "C"]),
        (("♥A", "♠A"), "recall of ♠A", ["♠A"]),
        (("Bee", "bee"), "compare bee and Bee", ["bee", "Bee"]),
    ],
)
def test_a_sentence_names_the_class_that_stands_there(
    classes: tuple[str, ...], sentence: str, meant: list[str]
) -> None:
    assert recognise(sentence, Vocabulary(classes=classes)).of("class") == meant


def test_a_price_is_that_of_the_classes_that_it_names() -> None:
    assert parse_price("cost.A>a", ("a", "A", "b")) == ("A", "a")
    assert parse_price("cost.living_room>B", ("Living room", "b")) == ("Living room", "b")
    assert parse_price("cost.aa>b", ("Aa", "aA", "b")) is None
