"""Cases of tables of predictions alone, of which the deployment images have one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.agent.cli import main
from failsight.agent.opening import opening_words
from failsight.agent.session import Session
from failsight.tools.errors import RetryError, UserError


def table_at(
    path: Path, right: float, n: int = 300, *, labels: bool = True, only: str = "", seed: int = 0
) -> Path:
    """Answers to ``n`` images of which exactly that share is right; ``only``: a column that no other table has."""
    rng = np.random.default_rng(seed)
    hit = rng.permutation(n) < round(n * right)
    lines = [f"path,{'label,' if labels else ''}prediction,p_cat,p_dog,site{',' + only if only else ''}"]
    for i in range(n):
        true = "cat" if i % 2 else "dog"
        said = true if hit[i] else {"cat": "dog", "dog": "cat"}[true]
        sure = 0.9 if hit[i] else 0.6
        cat = sure if said == "cat" else 1 - sure
        cells = [
            f"{path.stem}{i}.jpg",
            *([true] if labels else []),
            said,
            f"{cat:.2f}",
            f"{1 - cat:.2f}",
            "NS"[i % 3 == 0],
        ]
        lines.append(",".join(cells + (["rain" if i % 4 else "sun"] if only else [])))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = open_case(
        predictions=table_at(tmp_path / "answers.csv", 0.9),
        deploy=table_at(tmp_path / "used.csv", 0.7, only="weather", seed=1),
        out=tmp_path / "case",
    )
    yield made
    made.close()


def test_every_tool_that_is_asked_for_deployment_reads_its_answers(case: Case) -> None:
    assert case.predictions("deploy").correct.mean() == pytest.approx(0.7)
    assert case.evaluate().fact("accuracy", "split deploy").value == pytest.approx(0.7)
    assert case.confusion_matrix(split="deploy").fact("errors", "split deploy").value == 90
    counted = case.count_images(split="deploy", having=["wrong"], by="weather")
    assert "90 of 300 deployment images are wrong" in counted.summary and "rain" in counted.summary
    assert "deployment images" in case.confidence_profile(split="deploy").summary
    assert case.disaggregate(split="deploy").facts
    moved = case.shift()
    assert moved.fact("accuracy", "split deploy").value == pytest.approx(0.7)
    assert [f.verdict for f in moved.findings] == ["confirmed"]  # 20 points lost, judged by the labels
    with pytest.raises(RetryError, match="weather"):
        case.count_images(by="weather")  # the evaluation images have no such column


def test_labels_may_lack_and_the_accuracy_is_estimated_from_the_scores(tmp_path: Path) -> None:
    used = table_at(tmp_path / "used.csv", 0.7, labels=False, seed=1)
    with open_case(predictions=table_at(tmp_path / "a.csv", 0.9), deploy=used, out=tmp_path / "case") as case:
        made = case.shift()
        assert made.fact("expected_accuracy_threshold", "split deploy").value == pytest.approx(0.7, abs=0.01)
        low, high = made.fact("expected_accuracy", "split deploy").ci or (1.0, 0.0)
        assert low < 0.7 < high < 0.95
        with pytest.raises(RetryError, match="deployment images have no labels"):
            case.confusion_matrix(split="deploy")


def test_in_conversation(case: Case) -> None:
    list(Session(case).say("which confusions are there on the deployment images?"))
    made = case.state().evidence[-1]
    assert made.tool == "confusion_matrix" and made.fact("errors", "split deploy").value == 90


def test_it_opens_again_with_the_same_prints_and_is_whole(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, prints = case.folder, case.fingerprints()
    begun = case.state().config["data"]["deploy"]
    assert (
        begun["format"] == "predictions"
        and "answers" in begun["parts"]
        and begun["path"].endswith("used.csv")
    )
    case.evaluate()
    case.close()
    with open_case(folder) as again:
        assert again.fingerprints() == prints and again.predictions("deploy").correct.mean() == pytest.approx(
            0.7
        )
        assert any("300 of 300 deployment images are not at hand" in w for w in opening_words(again))
    assert main(["verify", str(folder)]) == 0
    assert "whole" in capsys.readouterr().out


def test_other_answers_are_another_case_and_a_lost_table_is_said(case: Case, tmp_path: Path) -> None:
    case.close()
    table_at(tmp_path / "used.csv", 0.6, only="weather", seed=1)
    with pytest.raises(UserError, match="answers of the deployment images have changed"):
        open_case(case.folder)
    (tmp_path / "used.csv").unlink()
    with pytest.raises(UserError, match="--deploy NEW"):
        open_case(case.folder)
    (tmp_path / "new").mkdir()
    same = table_at(tmp_path / "new" / "used.csv", 0.7, only="weather", seed=1)
    with open_case(case.folder, deploy=same) as again:
        assert again.predictions("deploy").correct.mean() == pytest.approx(0.7)


def test_a_table_with_neither_pictures_nor_answers_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "used.csv").write_text("path,label\nx.jpg,cat\ny.jpg,dog\n")
    with pytest.raises(
        UserError, match=r"Not one of the 2 images .*column prediction, or one of probabilities"
    ):
        open_case(
            predictions=table_at(tmp_path / "a.csv", 0.9), deploy=tmp_path / "used.csv", out=tmp_path / "case"
        )
    assert not (tmp_path / "case").exists()


def test_pictures_without_answers_are_opened_and_the_refusal_says_what_to_give(tmp_path: Path) -> None:
    from tests.inputs.pictures import class_folders

    pictures = class_folders(tmp_path / "d", each=2)
    with open_case(
        predictions=table_at(tmp_path / "a.csv", 0.9), deploy=pictures, out=tmp_path / "case"
    ) as case:
        assert len(case.table("deploy")) > 0
        with pytest.raises(
            RetryError, match=r"predictions only, and none for the deployment images.*--deploy is a table"
        ):
            case.count_images(split="deploy", by="predicted")


def test_a_case_begun_when_such_a_table_was_read_for_its_pictures_alone_goes_on(tmp_path: Path) -> None:
    from tests.inputs.pictures import class_folders

    pictures = class_folders(tmp_path / "d", each=3)
    names = sorted(str(p.relative_to(pictures)) for p in pictures.rglob("*.png"))
    used = pictures / "used.csv"
    used.write_text("path,label\n" + "".join(f"{n},cat\n" for n in names))
    with open_case(predictions=table_at(tmp_path / "a.csv", 0.9), deploy=used, out=tmp_path / "case") as case:
        assert case.state().config["data"]["deploy"]["format"] == "manifest"
    used.write_text("path,label,prediction\n" + "".join(f"{n},cat,dog\n" for n in names))
    with open_case(tmp_path / "case") as case:  # the column was passed over then, and is now
        assert case.table("deploy").format == "manifest"


def test_training_images_and_a_pool_bring_theirs_too(tmp_path: Path) -> None:
    with open_case(
        predictions=table_at(tmp_path / "a.csv", 0.9),
        train=table_at(tmp_path / "learnt.csv", 1.0),
        pool=table_at(tmp_path / "pool.csv", 0.5, labels=False),
        out=tmp_path / "case",
    ) as case:
        assert case.evaluate(split="train").fact("accuracy", "split train").value == 1.0
        assert len(case.predictions("pool")) == 300 and len(case.select_data(budget=8).images) == 8
