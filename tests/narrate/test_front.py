"""The first page says what is wrong, how sure, what to do, ready or not, who decided; all else stands behind it, each number of its version."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from failsight.agent.case import Case
from failsight.agent.narrate import build_report, check_report, load_findings, write_reports
from failsight.agent.opening import open_case
from failsight.tools.errors import FailsightError
from tests.fakes.grounded import ungrounded
from tests.fakes.patterns import CLASSES, made_case

TITLES = ["What is wrong, and how sure that is", "What to do", "Ready or not", "Who decided"]
LONGEST = 60  # lines of the first page


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case that went on with the right channel order, and was judged."""
    folder = tmp_path_factory.mktemp("mended")
    case = open_case(out=folder / "case", expectations={"accuracy": 0.8}, **made_case(folder, channels="BGR"))
    for tool in ("describe_case", "evaluate", "find_slices", "preprocessing_probe"):
        case.call(tool)
    case.call("adopt_version", {"finding": case.state().confirmed()[-1].id}, by="person")
    for tool in ("evaluate", "confusion_matrix", "readiness"):
        case.call(tool)
    write_reports(case.folder, case.state(), case.journal.events)
    return case


def page(case: Case) -> str:
    return (case.folder / "report.md").read_text("utf-8").split("\n# Behind it")[0]


def test_the_first_page_is_one_page_and_says_it_all(mended: Case) -> None:
    text = page(mended)
    assert len(text.splitlines()) <= LONGEST
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[:4] == TITLES
    assert "How sure: " in text and "model.json" in text and "Nobody has signed it off" in text
    assert "The expectations hold" in text and "Judged is R1.1" in text
    linked = re.findall(r"\]\(#([a-z-]+)\)", text)
    headings = re.findall(r"^#+ (.*)$", (mended.folder / "report.md").read_text("utf-8"), re.MULTILINE)
    anchors = [re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings]
    assert linked and set(linked) <= set(anchors)
    assert all(
        anchors.count(a) == 1 for a in linked
    )  # a second heading of that name would get another anchor


def test_every_number_of_it_stands_in_what_it_refers_to(mended: Case) -> None:
    state, events = mended.state(), list(mended.journal.events)
    assert ungrounded(build_report(state, events), state, events) == []
    assert check_report(mended.folder) == []


def test_each_number_says_of_which_version_it_is(mended: Case) -> None:
    text = (mended.folder / "report.md").read_text("utf-8")
    assert (
        "- E1 to E4: the model as given." in text
        and "R1.1, with which the case went on because it mends" in text
    )
    said = re.findall(r"^### (E\d+) .*?^- Measured with: (.*?)$", text, re.MULTILINE | re.DOTALL)
    assert dict(said)["E2"] == "the model as given" and dict(said)["E6"] == "R1.1"
    made = load_findings(mended.folder)
    assert all({"model_version", "stands"} <= set(f) for f in made["findings"])
    assert made["performance"]["accuracy"] > 0.9  # of the version that the case is at


def test_the_page_is_open_and_everything_behind_it_is_folded(mended: Case) -> None:
    page_ = (mended.folder / "report.html").read_text("utf-8")
    main = page_[page_.index("<main") :]
    assert (
        main.index('id="front-wrong"') < main.index('id="front-decided"') < main.index('<details id="behind"')
    )
    assert main.index('<details id="behind"') < main.index('id="findings"') < main.index('id="evidence"')
    assert "Ready: R1.1" in page_ and "<details open" not in main


def test_a_case_with_one_model_says_nothing_of_versions(tmp_path: Path) -> None:
    with open_case(out=tmp_path / "case", **made_case(tmp_path, n=80)) as case:
        case.call("evaluate")
        write_reports(case.folder, case.state(), case.journal.events)
        text = (case.folder / "report.md").read_text("utf-8")
        assert "Measured with" not in text and "Which numbers are of which model" not in text
        assert "model_version" not in json.dumps(load_findings(case.folder))


def test_a_model_below_guessing_is_told_before_anything_else(tmp_path: Path) -> None:
    """Twenty images, all answered with another class because the names are turned: no search and no check has enough to go on."""
    turned = [*CLASSES[1:], CLASSES[0]]
    case = open_case(out=tmp_path / "case", **made_case(tmp_path, n=20, noise=0.05, classes=turned))
    for tool in ("describe_case", "evaluate", "find_slices"):
        case.call(tool)
    for tool in ("class_order", "preprocessing_probe"):
        with pytest.raises(FailsightError):
            case.call(tool, by="planner")
    write_reports(case.folder, case.state(), case.journal.events)
    text = page(case)
    first = text.split("## What is wrong, and how sure that is")[1].strip().splitlines()[0]
    assert (
        first.startswith("The model is right in 0.0 %")
        and "of 20 evaluation images, fewer than guessing gives" in first
    )
    assert "nothing that was tested held" not in text and "nothing has been tested" in text
    assert "it takes 24 to match outputs" in text and "it takes 24 to compare pipelines" in text
    assert (
        "order of the class names" in text.split("## What to do")[1].split("\n## ")[0].strip().splitlines()[0]
    )
    assert "fewer than guessing" in case.state().latest("evaluate").summary
    state, events = case.state(), list(case.journal.events)
    assert ungrounded(build_report(state, events), state, events) == []


def test_a_model_that_is_better_is_not_compared_with_guessing(tmp_path: Path) -> None:
    case = open_case(out=tmp_path / "case", **made_case(tmp_path, n=12, noise=0.05))
    case.call("evaluate")
    write_reports(case.folder, case.state(), case.journal.events)
    assert "guessing" not in (case.folder / "report.md").read_text("utf-8")
