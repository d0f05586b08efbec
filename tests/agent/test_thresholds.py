"""Thresholds of a case: given when it is opened, kept, shown, and never mixed with evidence of other thresholds."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.agent.cli import main
from failsight.agent.config import load_config, make_config
from failsight.agent.opening import opening_words
from failsight.agent.planners.answering import first_message
from failsight.tools.errors import UserError


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """200 images, a quarter ill; scores of the ill between 0.1 and 0.9, of the well between 0 and 0.4."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(200):
        ill = i % 4 == 0
        p = rng.uniform(0.1, 0.9) if ill else rng.uniform(0.0, 0.4)
        rows.append(f"{i}.png,{'ill' if ill else 'well'},{p:.4f},{1 - p:.4f}")
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(["path,label,p_ill,p_well", *rows, ""]))
    return path


def recall(case: object) -> float:
    made = case.evaluate(split="data")  # type: ignore[attr-defined]
    return float(next(f.value for f in made.facts if f.name == "recall" and "ill" in f.of))


def by_hand(path: Path, bar: float) -> float:
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    ill = [float(r[2]) for r in rows if r[1] == "ill"]
    return sum(p >= bar for p in ill) / len(ill)


def test_a_threshold_decides_and_is_kept(scores: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    with open_case(predictions=scores, out=folder, thresholds={"ill": 0.2}) as case:
        assert recall(case) == by_hand(scores, 0.2) != by_hand(scores, 0.5)
        told = case.describe_case()
        assert "ill from a score of 0.2 on" in told.summary
        assert ("threshold", 0.2) in {(f.name, f.value) for f in told.facts}
        assert any("By its thresholds" in n for n in case.confusion_matrix().notes)
        assert any("ill from a score of 0.2 on" in words for words in opening_words(case))
    assert '[thresholds]\n"ill" = "0.2"' in (folder / "case.toml").read_text()
    with open_case(folder) as case:
        assert recall(case) == by_hand(scores, 0.2)
        assert (
            len([e for e in case.state().evidence if e.tool == "evaluate"]) == 1
        )  # answered from the journal


def test_another_threshold_is_another_case(scores: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    with open_case(predictions=scores, out=folder, thresholds={"ill": 0.2}) as case:
        first = case.fingerprints()
    for other in ({"ill": 0.3}, {}):
        with pytest.raises(UserError, match="about something else"):
            open_case(predictions=scores, out=folder, thresholds=other)
    with open_case(predictions=scores, out=tmp_path / "b", thresholds={"ill": 0.3}) as case:
        assert case.fingerprints() != first
    named = {
        make_config(predictions=scores, thresholds=t).slug()
        for t in ({"ill": 0.2}, {"ill": "0.20"}, {"ill": 0.3}, {})
    }
    assert len(named) == 3  # 0.2 and "0.20" are one
    edited = (folder / "case.toml").read_text().replace('"0.2"', '"0.35"')
    (folder / "case.toml").write_text(edited)
    with pytest.raises(UserError, match="changed since"):
        open_case(folder)


def test_a_model_with_thresholds(tmp_path: Path) -> None:
    from tests.inputs.pictures import class_folders
    from tests.inputs.test_decisions import saved

    path, data = saved(tmp_path / "m"), class_folders(tmp_path / "d")
    with open_case(model=path, data=data, out=tmp_path / "a") as case:
        name, plain = case.classes[0], case.fingerprints()
        before = case.predictions()
    with open_case(model=path, data=data, out=tmp_path / "b", thresholds={name: 1e-4}) as case:
        assert case.fingerprints()["model"] != plain["model"]
        made = case.predictions()
        assert (made.predicted == np.where(made.scores[:, 0] >= np.float32(1e-4), 0, before.predicted)).all()
        assert f"{name} from a score of" in case.describe_case().summary
        rows = case.version("").predictions().predicted
        assert (rows == made.predicted).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["ill"], "is not CLASS=NUMBER"),
        (["=0.2"], "is not CLASS=NUMBER"),
        (["ill=much"], "above 0 and at most 1"),
        (["ill=20"], "above 0 and at most 1"),
        (["ill=0"], "above 0 and at most 1"),
        (["owl=0.2"], "no class of the model"),
        (["ill=0.2", "ill=0.3"], "given twice"),
        (["ill=0.2", "Ill=0.3"], "Two thresholds"),
    ],
)
def test_thresholds_that_mean_nothing(
    given: list[str], said: str, scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for text in given for word in ("--threshold", text)]
    folder = tmp_path / "case"
    assert main(["run", "--predictions", str(scores), "--out", str(folder), *words]) == 2
    assert said in capsys.readouterr().err
    assert not folder.exists()


def test_a_case_keeps_its_thresholds_and_says_how_to_have_others(
    scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "case"
    open_case(predictions=scores, out=folder, thresholds={"ill": 0.2}).close()
    before = (folder / "case.toml").read_bytes()
    assert main(["chat", str(folder), "--threshold", "ill=0.3", "--plain"]) == 2
    said = capsys.readouterr().err
    assert f"failsight chat --predictions {scores} --threshold ill=0.3" in " ".join(said.split())
    assert (folder / "case.toml").read_bytes() == before


def test_the_command_line_sets_it(
    scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "case"
    monkeypatch.setattr("sys.stdin", io.StringIO("/quit\n"))
    given = ["--predictions", str(scores), "--out", str(folder), "--threshold", "ill=0.2"]
    assert main(["chat", "--plain", *given]) == 0
    assert load_config(folder).bars() == {"ill": 0.2}
    told = capsys.readouterr()
    assert "ill from a score of 0.2 on" in told.out + told.err


def test_the_decision_of_a_table_is_told_at_once(scores: Path, tmp_path: Path) -> None:
    lines = scores.read_text().splitlines()
    decided = [
        f"{lines[0]},prediction",
        *(f"{x},{'ill' if float(x.split(',')[2]) >= 0.2 else 'well'}" for x in lines[1:]),
    ]
    path = tmp_path / "both.csv"
    path.write_text("\n".join([*decided, ""]))
    with open_case(predictions=path, out=tmp_path / "case") as case:
        assert recall(case) == by_hand(scores, 0.2)
        n = int(case.predictions().otherwise.sum())
        assert n and any(f"in {n} of 200 images the answer is not" in words for words in opening_words(case))
        assert any("column prediction" in n for n in case.evaluate(split="data").notes)


# --- in a conversation -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("talk")
    rng = np.random.default_rng(0)
    p = np.where(np.arange(200) % 4 == 0, rng.uniform(0.1, 0.9, 200), rng.uniform(0, 0.4, 200))
    rows = [f"{i}.png,{'ill' if i % 4 == 0 else 'well'},{x:.4f},{1 - x:.4f}" for i, x in enumerate(p)]
    (folder / "scores.csv").write_text("\n".join(["path,label,p_ill,p_well", *rows, ""]))
    with open_case(predictions=folder / "scores.csv", out=folder / "case") as case:
        yield case


@pytest.mark.parametrize(
    ("sentence", "name", "bar"),
    [
        ("use threshold 0.3 for ill", "ill", "0.3"),
        ("I want to use threshold 0.3", "ill", "0.3"),
        ("call it ill already when its score is above 0.2", "ill", "0.2"),
        ("Please set the cut-off for well to 40 %", "well", "0.4"),
        ("I would like the model to answer ill from a score of .25", "ill", "0.25"),
        ("lower the threshold", "ill", "0.2"),
        ("how do I change the decision threshold for ill?", "ill", "0.2"),
    ],
)
def test_a_threshold_to_be_used_is_answered_with_how_to_set_it(
    sentence: str, name: str, bar: str, talk: Case
) -> None:
    made = first_message(talk, sentence)
    assert not made.tool_calls
    block = [line for line in str(made.content).split("\n") if line.startswith("    ")]
    wanted = ["failsight", "chat", "--predictions", talk.config.predictions, "--threshold", f"{name}={bar}"]
    assert (
        shlex.split("\n".join(block).replace("\\\n", "")) == wanted
    )  # a shell drops a backslash with its line's end
    assert max(map(len, block)) < len(shlex.join(wanted))  # an option a line
    assert f'"thresholds": {{"{name}": {bar}}}' in made.content


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("which threshold gives 95 % sensitivity?", {"class_name": "ill", "recall": 0.95}),
        ("ROC", {"class_name": "ill"}),
        ("AUC for well", {"class_name": "well"}),
        ("What would the recall of ill be at a threshold of 0.27?", {"class_name": "ill", "threshold": 0.27}),
        ("is .4 a good cutoff?", {"class_name": "ill", "threshold": 0.4}),
        (
            "precision at 8 % prevalence, threshold 0.2",
            {"class_name": "ill", "threshold": 0.2, "prevalence": 0.08},
        ),
        ("what does each threshold on ill cost?", {"class_name": "ill"}),
        ("trade-off between sensitivity and false alarms", {"class_name": "ill"}),
        ("which threshold gives 95 % specificity for ill?", {"class_name": "ill", "specificity": 0.95}),
        ("at most 5 % false alarms", {"class_name": "ill", "specificity": 0.95}),
        ("precision at least 90 %", {"class_name": "ill", "precision": 0.9}),
        (
            "and at most five percent false alarms for ill, please?",
            {"class_name": "ill", "specificity": 0.95},
        ),
        ("what specificity is left at 98 % sensitivity?", {"class_name": "ill", "recall": 0.98}),
        ("TPR at 1 % FPR", {"class_name": "ill", "specificity": 0.99}),
        (
            "from which score on should I answer ill so that 90 % of the alarms are right?",
            {"class_name": "ill", "precision": 0.9},
        ),
        (
            "which threshold gives 90 % ppv at 8 % prevalence?",
            {"class_name": "ill", "precision": 0.9, "prevalence": 0.08},
        ),
        # a rate is no threshold: the command with --threshold ill=0.95 would be another thing
        ("how do I set the threshold for 95 % specificity?", {"class_name": "ill", "specificity": 0.95}),
        ("use a threshold with 95 % sensitivity", {"class_name": "ill", "recall": 0.95}),
    ],
)
def test_what_a_threshold_costs_is_measured(sentence: str, wanted: dict[str, object], talk: Case) -> None:
    (made,) = first_message(talk, sentence).tool_calls
    assert made["name"] == "operating_points"
    assert made["args"] == wanted
    assert talk.operating_points(**made["args"]).summary


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("what is a threshold?", "**Threshold**: The score from which on a class is answered."),
        ("what does AUC mean", "**AUC**: Area under the ROC curve"),
        ("explain what an operating point is", "**Operating point**: What a threshold comes to"),
    ],
)
def test_what_the_words_mean_is_told_in_words(sentence: str, said: str, talk: Case) -> None:
    made = first_message(talk, sentence)
    assert not made.tool_calls and said in made.content


@pytest.mark.parametrize(
    "sentence",
    [
        "set the accuracy threshold to 0.9",
        "judge it against the thresholds that we wrote down",
        "If I send everything under 60 percent to a human, is that threshold meaningful?",
        "compare the AUC of both models",
        "covariate shift, domain classifier AUC?",
        "how well does the model do?",
        "precision must be at least 90 %",
        "is the precision at least 90 %?",
        "classes with a recall below 50 %",
        "show me false positives over 0.9",
    ],
)
def test_other_thresholds_are_left_to_others(sentence: str, talk: Case) -> None:
    from failsight.agent.planners import thresholds
    from failsight.agent.planners.words import names

    assert thresholds.answered(talk, sentence, names(talk, sentence)) is None


def test_the_group_that_is_named_is_measured(tmp_path: Path) -> None:
    rows = [
        f"{i}.png,{'ill' if i % 4 == 0 else 'well'},.{i % 9 + 1},{'Ost' if i % 3 else 'West'}"
        for i in range(200)
    ]
    lines = [
        f"{r.rsplit(',', 2)[0]},{r.split(',')[2]},{1 - float(r.split(',')[2]):.1f},{r.split(',')[3]}"
        for r in rows
    ]
    path = tmp_path / "sites.csv"
    path.write_text("\n".join(["path,label,p_ill,p_well,site", *lines, ""]))
    with open_case(predictions=path, out=tmp_path / "case") as case:
        (made,) = first_message(case, "which threshold gives 90 % specificity at site Ost?").tool_calls
        assert made["args"] == {"class_name": "ill", "specificity": 0.9, "where": "site=Ost"}
        assert "of them ill" in case.operating_points(**made["args"]).summary


def test_without_scores_there_is_nothing_to_set(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text(
        "path,label,prediction\n" + "".join(f"{i}.png,{'ab'[i % 2]},{'ab'[i % 2]}\n" for i in range(40))
    )
    with open_case(predictions=path, out=tmp_path / "case") as case:
        for sentence in ("use threshold 0.3 for a", "ROC"):
            assert "no class probabilities" in first_message(case, sentence).content


def test_of_many_classes_the_one_meant_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    path.write_text(
        "path,label,p_a1,p_b1,p_c1\n" + "".join(f"{i}.png,{'abc'[i % 3]}1,.5,.3,.2\n" for i in range(60))
    )
    with open_case(predictions=path, out=tmp_path / "case") as case:
        made = first_message(case, "use threshold 0.3")
        assert "For which class" in made.content
        assert made.additional_kwargs["choices"][0] == "Use threshold 0.3 for a1"
