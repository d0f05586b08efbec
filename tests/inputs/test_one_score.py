"""Tables with one number an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_black_box

ROWS = [("a", "ill", 0.9), ("b", "well", 0.2), ("c", "well", 0.6), ("d", "ill", 0.1)]


def table(folder: Path, column: str, more: str = "", rows: list[tuple[str, str, float]] = ROWS) -> Path:
    lines = [f"path,label,{column}{',' + more if more else ''}"]
    lines += [f"{path}.png,{label},{value}{',yes' if more else ''}" for path, label, value in rows]
    made = folder / "p.csv"
    made.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return made


@pytest.mark.parametrize("column", ["prob_ill", "p_ill", "ill", "Prob_Ill", "p(ill)", "score_ill"])
def test_the_other_of_two_classes_gets_what_is_left(tmp_path: Path, column: str) -> None:
    images, made = open_black_box(table(tmp_path, column, "scanner"))
    assert set(made.classes) == {"ill", "well"} and made.has_scores
    ill = made.scores[:, made.classes.index("ill")]
    np.testing.assert_allclose(ill, [0.9, 0.2, 0.6, 0.1], rtol=1e-6)
    assert made.correct.tolist() == [True, True, False, False]
    assert list(images.columns) == ["scanner"]
    assert any("well gets one minus it" in note for note in images.notes)


@pytest.mark.parametrize("column", ["score", "probability", "y_score", "prediction", "model_score", "p"])
def test_a_score_of_nobody_knows_what_is_asked_about(tmp_path: Path, column: str) -> None:
    with pytest.raises(UserError) as refused:
        open_black_box(table(tmp_path, column))
    assert "does not say of which class" in refused.value.message
    assert "“p_ill” or “p_well”" in refused.value.hint


def test_of_three_classes_each_needs_a_column(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        open_black_box(table(tmp_path, "score", rows=[*ROWS, ("e", "unclear", 0.5)]))
    assert "for each class" in refused.value.hint


def test_an_answer_beside_a_score_is_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("path,label,prediction,score\na.png,ill,ill,0.3\nb.png,well,ill,0.25\n")
    assert open_black_box(path)[1].correct.tolist() == [True, False]


def test_class_numbers_are_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("path,label,prediction\na.png,0,1\nb.png,1,1\n")
    assert open_black_box(path)[1].correct.tolist() == [False, True]


def test_an_attribute_that_is_called_like_a_class_is_none_of_its_scores(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("path,label,prediction,dark\na.png,dark,dark,0.1\nb.png,light,dark,0.7\n")
    images, made = open_black_box(path)
    assert list(images.columns) == ["dark"] and made.correct.tolist() == [True, False]
