"""Images to which the model gives no answer: no row of the table, and never a reason to be called ready."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.engine import predict
from failsight.tools.errors import ModelFails, UserError
from failsight.tools.evaluate import evaluate
from failsight.tools.expectations.criteria import Criterion, judge
from failsight.tools.inputs.base import LeftOut, Predictions
from failsight.tools.notes import left_out_notes, unanswered_words
from failsight.tools.readiness import readiness
from failsight.tools.stats.floors import exact
from failsight.tools.view import Expectation
from tests.engine.doubles import ChannelModel, Drawn
from tests.fakes.view import FakeView
from tests.tools.cases import counted_view, from_counts, one_hot

NAMES = ("bath", "hall")


def silent(*labels: int) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(f"s{i}.png", "the model's scores are not finite numbers", label)
        for i, label in enumerate(labels)
    )


def table(counts: list[list[int]], left_out: tuple[LeftOut, ...], split: str = "data") -> Predictions:
    labels, predicted = from_counts(counts)
    return Predictions(split, NAMES, np.arange(len(labels)), labels, one_hot(predicted, 2), left_out)  # type: ignore[arg-type]


def one(name: str, bound: float, made: Predictions, at_least: bool = True, **more: object) -> Criterion:
    return judge({"data": made}, [Expectation(name, bound, at_least)], **more)[0]  # type: ignore[arg-type]


class TestJudged:
    # 95 of 100 answered are right; 40 more images got no answer, all of the second class
    MADE = table([[47, 3], [2, 48]], silent(*[1] * 40))

    def test_they_are_counted_as_not_answered_rightly(self) -> None:
        made = one("accuracy", 0.85, self.MADE)
        assert (made.value, made.ci, made.n, made.holds) == (95 / 140, exact(95, 140), 140, False)
        assert "40 of these 140 images, which count as not answered rightly" in made.reason
        assert made.scope == "40 of these 140 got no answer from the model and count as wrong"

    def test_as_errors_and_in_the_class_that_they_are_of(self) -> None:
        errors = one("error_rate", 0.2, self.MADE, at_least=False)
        assert (errors.value, errors.n, errors.holds) == (45 / 140, 140, False)
        assert one("recall.bath", 0.8, self.MADE).n == 50
        hall = one("recall.hall", 0.8, self.MADE)
        assert (hall.value, hall.n, hall.holds) == (48 / 90, 90, False)
        worst = one("worst_recall", 0.8, self.MADE)
        assert (worst.value, worst.holds) == (48 / 90, False)
        assert "gave no answer to 40 of all 140 images" in worst.reason

    def test_a_class_that_gets_no_answer_at_all_is_recognised_never(self) -> None:
        made = one("worst_recall", 0.5, table([[50, 0], [0, 0]], silent(*[1] * 30)))
        assert (made.value, made.n, made.holds) == (0.0, 30, False)

    @pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "accuracy[light=dark]"])
    def test_what_cannot_count_them_is_undecided_where_they_could_undo_it(self, name: str) -> None:
        known = {"pick": lambda split, where: np.ones(100, np.bool_)}
        assert one(name, 0.85, table([[47, 3], [2, 48]], ()), **known).holds is True
        made = one(name, 0.85, self.MADE, **known)
        assert made.holds is None
        assert "the model gave no answer to 40 of the evaluation images" in made.reason
        assert (
            one(
                name,
                0.75,
                table([[470, 30], [20, 480]], silent(1)),
                pick=lambda split, where: np.ones(1000, np.bool_),
            ).holds
            is True
        )

    def test_a_class_is_called_no_more_often_for_images_that_are_called_nothing(self) -> None:
        assert one("precision.bath", 0.8, self.MADE).holds is True

    def test_damaged_pictures_are_no_answers_withheld(self) -> None:
        damaged = tuple(LeftOut(f"{i}.png", "the file is cut short") for i in range(40))
        made = one("accuracy", 0.85, table([[47, 3], [2, 48]], damaged))
        assert (made.n, made.holds) == (100, True)


class Silent(ChannelModel):
    """Gives no numbers for images of the first class, and fails on a batch in which one of the second is."""

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        made = super().scores(pixels)
        if (made.argmax(1) == 1).any():
            raise ModelFails("ValueError: green is not liked", len(pixels))
        made[made.argmax(1) == 0] = np.nan
        return made


class TestScored:
    def test_a_model_that_fails_on_some_pictures_answers_the_others(self) -> None:
        made = predict(Drawn(60, bad=(5,)), Silent())
        assert made.rows.tolist() == [i for i in range(60) if i % 3 == 2 and i != 5]
        reasons = {one.path: one.reason for one in made.left_out}
        assert reasons["0.png"] == "the model's scores are not finite numbers"
        assert reasons["1.png"] == "the model fails on it (ValueError: green is not liked)"
        assert reasons["5.png"] == "the file is cut short"
        assert sorted(made.unanswered.tolist()) == [0] * 20 + [1] * 20

    def test_one_that_fails_on_all_is_refused_in_a_sentence(self) -> None:
        class Broken(ChannelModel):
            def scores(self, pixels: np.ndarray) -> np.ndarray:
                raise ModelFails("KeyError: 'x'", len(pixels))

        with pytest.raises(UserError, match=r"Not one of the 30 images could be scored .*KeyError: 'x'"):
            predict(Drawn(30), Broken())

    def test_it_is_known_again_from_the_cache(self, tmp_path: object) -> None:
        first = predict(Drawn(30), Silent(), cache_folder=tmp_path)  # type: ignore[arg-type]
        again = predict(Drawn(30), Silent(), cache_folder=tmp_path)  # type: ignore[arg-type]
        assert again.cached
        assert again.left_out == first.left_out


class TestTold:
    def test_by_class_where_it_is_uneven(self) -> None:
        text = unanswered_words(TestJudged.MADE)
        assert text.startswith("The model gave no answer to 40 of 140 labelled evaluation images")
        assert "most often hall 40 of 90" in text
        even = unanswered_words(table([[40, 0], [0, 40]], silent(*[0, 1] * 10)))
        assert "20 of 100" in even
        assert "most often" not in even
        assert unanswered_words(table([[40, 0], [0, 40]], ())) == ""

    def test_the_note_reads_well_for_many(self) -> None:
        (note,) = left_out_notes("data", silent(1, 1))
        assert (
            note
            == "2 of the evaluation images were left out: the model's scores are not finite numbers (s0.png and s1.png)."
        )

    def test_evaluate_and_readiness_say_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        view: FakeView = counted_view({"data": [[47, 3], [2, 48]]})
        made = view.predictions("data")
        from dataclasses import replace

        monkeypatch.setattr(
            view, "predictions", lambda split="data": replace(made, left_out=silent(*[1] * 40))
        )
        view.expectations = [Expectation("accuracy", 0.85)]
        told = evaluate(view)
        assert "The model gave no answer to 40 of 140 labelled evaluation images" in told.summary
        assert [f.value for f in told.facts if f.name == "unanswered"] == [40]
        judged = readiness(view)
        assert judged.facts[0].value == "not_ready"
        assert "40 of these 140 got no answer from the model" in judged.summary
        assert any("40 of the evaluation images were left out" in n for n in judged.notes)


def test_in_brief_says_it() -> None:
    from types import SimpleNamespace

    from failsight.agent.narrate.report import _left_out
    from failsight.tools.evidence import Evidence, Fact

    measured = Evidence(tool="evaluate", title="", summary="", facts=(Fact("unanswered", 40, "count"),))
    state = SimpleNamespace(latest=lambda tool: measured if tool == "evaluate" else None)
    assert [s.text for s in _left_out(state)] == ["The model gave no answer to 40 evaluation images."]  # type: ignore[arg-type]
    nothing = SimpleNamespace(latest=lambda tool: None)
    assert not _left_out(nothing)  # type: ignore[arg-type]


def test_scores_that_are_missing_in_a_table_are_no_answers_either(tmp_path: Path) -> None:
    from failsight.tools.inputs.blackbox import open_black_box

    rows = [
        "path,label,cat,dog",
        *(f"{i}.jpg,cat,0.9,0.1" for i in range(30)),
        "a.jpg,dog,,",
        "b.jpg,dog,nan,0.2",
    ]
    (tmp_path / "p.csv").write_text("\n".join(rows) + "\n")
    made = open_black_box(tmp_path / "p.csv")[1]
    assert made.unanswered.tolist() == [1, 1]


def test_what_to_do_first_names_the_batch_and_no_feeding() -> None:
    from types import SimpleNamespace

    from failsight.agent.narrate.todo import _fed_rightly

    made = SimpleNamespace(id="E1", next_steps=("Export anew.",), facts=())
    record = SimpleNamespace(evidence=lambda n: made)

    def told(about: str) -> str:
        found = SimpleNamespace(id="F1", evidence=("E1",), finding=SimpleNamespace(about=about))
        return str(_fed_rightly(record, found)[0].text)  # type: ignore[arg-type]

    assert "depends on how pictures were put together" in told("pictures of one batch")
    assert "fed wrongly" in told("")
