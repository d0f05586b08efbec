"""``--groups COLUMN``: what belongs together, for a whole case, from the command line and in conversation."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.agent.currency import since
from failsight.agent.fork import acts
from failsight.agent.grouping import groups_words, set_groups, set_words
from failsight.agent.narrate.coverage import not_examined
from failsight.agent.narrate.record import Record
from failsight.agent.opening import opening_words
from failsight.agent.planners import together
from failsight.agent.planners.answering import first_message
from failsight.agent.planners.step import Step
from failsight.agent.planners.steps import is_done
from failsight.tools.errors import RetryError, UserError

CLASSES = ("cat", "dog")


def write(path: Path, *, videos: int = 60, frames: int = 6, column: str = "video", seed: int = 0) -> Path:
    """Answers to frames of videos that are right or wrong nearly all together; a site that is worse."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["path", "label", "prediction", column, "site"])
        for v in range(videos):
            site, label = "west" if v % 3 == 0 else "east", v % 2
            luck = rng.beta(1.2, 0.3) if site == "east" else rng.beta(0.5, 0.5)
            for f in range(frames):
                said = label if rng.random() < luck else 1 - label
                out.writerow([f"v{v}_{f}.png", CLASSES[label], CLASSES[said], f"v{v}", site])
    return path


@pytest.fixture
def case(tmp_path: Path) -> Any:
    made = open_case(predictions=write(tmp_path / "answers.csv"), out=tmp_path / "case")
    yield made
    made.close()


def said(case: Case, text: str) -> Any:
    return first_message(case, text)


class TestTheSetting:
    def test_it_is_every_tools_default_and_stays(self, case: Case) -> None:
        case.belong("video")
        made, _ = case.call("find_slices", {})
        assert made.arguments["group_by"] == "video"
        folder = case.folder
        case.close()
        with open_case(folder) as again:
            assert again.groups == "video"
            assert again.call("find_slices", {})[1]  # answered from the journal: the same call

    def test_an_explicit_argument_wins_and_none_is_one(self, case: Case) -> None:
        case.belong("video")
        assert (
            case.call("disaggregate", {"group_by": "site", "attributes": ["video"]})[0].arguments["group_by"]
            == "site"
        )
        alone, _ = case.call("find_slices", {"group_by": "none"})
        assert alone.arguments["group_by"] == "none" and not any("kept in one half" in n for n in alone.notes)
        assert not case.call("find_slices", {})[1]

    def test_without_it_nothing_changes(self, case: Case) -> None:
        made, _ = case.call("find_slices", {})
        assert made.arguments["group_by"] is None
        assert case.call("find_slices", {"group_by": "none"})[1]

    def test_readiness_is_judged_by_groups_and_anew(self, case: Case) -> None:
        case.expect("accuracy", 0.5)
        plain, _ = case.call("readiness", {})
        case.belong("video")
        made, reused = case.call("readiness", {})
        assert not reused

        def width(e: Any) -> float:
            low, high = next(f.ci for f in e.facts if f.name == "criterion")
            return high - low

        assert width(made) > 1.5 * width(plain)
        assert since(case.state(), made) == ""
        assert since(case.state(), plain) == "E1 was judged before images of the same video counted together"
        assert any(
            "Images of the same video count together: 360 images in 60 groups" in n for n in made.notes
        )

    @pytest.mark.parametrize("wrong", ["vidoe", "patient", "", "path\x1b[2J"])
    def test_a_column_that_is_not_there_is_refused(self, case: Case, wrong: str) -> None:
        if not wrong:
            set_groups(case, "none")
            assert case.groups == "" and case.state().groups == ""
            return
        with pytest.raises(UserError, match="no column") as told:
            set_groups(case, wrong)
        assert "video" in str(told.value) and "\x1b" not in str(told.value)
        assert case.state().groups is None

    def test_a_column_that_is_the_same_everywhere_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "answers.csv"
        file.write_text(
            "path,label,prediction,patient\n"
            + "".join(f"{i}.png,cat,{CLASSES[i % 2]},P1\n" for i in range(20))
        )
        with (
            open_case(predictions=file, out=tmp_path / "one") as made,
            pytest.raises(RetryError, match="same for every"),
        ):
            made.belong("Patient")

    def test_the_workflow_measures_again_what_did_not_know_it(self, case: Case) -> None:
        case.call("find_slices", {})
        step = Step("hypothesis", "find_slices", "")
        assert is_done(case, step)
        case.belong("video")
        assert not is_done(case, step)
        case.call("find_slices", {})
        assert is_done(case, step)

    def test_a_replay_does_it_again_unless_a_sentence_did(self, case: Case) -> None:
        case.belong("video")
        case.belong("none", by="said")
        assert [(a.kind, a.data) for a in acts(case.journal.events)] == [("groups", "video")]

    def test_describe_case_says_it(self, case: Case) -> None:
        before, _ = case.call("describe_case", {})
        assert any("--groups video" in n for n in before.notes)
        case.belong("video")
        made, _ = case.call("describe_case", {})
        assert (
            "Images with the same video belong together: 360 evaluation images in 60 groups." in made.summary
        )
        assert not any("--groups" in n for n in made.notes)


class TestWhatIsNotSaid:
    def test_a_column_that_looks_so_is_named_with_the_command(self, case: Case) -> None:
        (told,) = [t for t in opening_words(case) if "belong together" in t]
        assert "360 images have 60 values of video" in told
        assert f"failsight run {case.folder} --groups video" in told
        case.belong("none")
        assert not groups_words(case)

    def test_the_report_says_that_nobody_said(self, case: Case) -> None:
        case.call("describe_case", {})

        def points() -> list[str]:
            section = not_examined(Record(case.state(), case.journal.events))
            return [p.text for p in section.points if "video" in p.text]

        (told,) = points()
        assert "counted as independent" in told and "failsight run CASE --groups video" in told
        case.belong("none")
        assert not points()

    @pytest.mark.parametrize(("column", "frames"), [("weather", 6), ("video", 1)])
    def test_other_columns_are_not(self, tmp_path: Path, column: str, frames: int) -> None:
        file = write(tmp_path / "a.csv", column=column, frames=frames)
        with open_case(predictions=file, out=tmp_path / "other") as made:
            assert not groups_words(made)

    def test_findings_tested_before_are_said_to_be_so(self, case: Case) -> None:
        case.call("disaggregate", {})
        found = [r.id for r in case.state().confirmed()]
        assert found
        assert not any("as if each" in t for t in groups_words(case))
        case.belong("video")
        told = " ".join(groups_words(case))
        assert found[0] in told and "as if each image stood alone" in told
        ready, _ = case.call("readiness", {})
        assert any("as if each image stood alone (disaggregate, E1)" in n for n in ready.notes)
        case.call("disaggregate", {})
        assert not any("as if each" in t for t in groups_words(case))


class TestConversation:
    @pytest.mark.parametrize(
        "text",
        [
            "group by video",
            "Group by the video.",
            "the pictures of one video belong together",
            "one video has several pictures",
            "count the pictures of one video together",
            "images of the same video are not independent",
            "there are several frames per video",
            "please group the images by video",
        ],
    )
    def test_what_belongs_together_is_set(self, case: Case, text: str) -> None:
        made = said(case, text)
        assert case.groups == "video" and not made.tool_calls
        assert "360 images in 60 groups" in made.text
        assert set_words(case) in made.text

    @pytest.mark.parametrize(
        "text",
        [
            "find slices where images of a video count together",
            "find slices grouped by video",
            "find slices, group by video",
        ],
    )
    def test_a_measurement_that_is_named_gets_it(self, case: Case, text: str) -> None:
        (made,) = said(case, text).tool_calls
        assert made["name"] == "find_slices" and made["args"]["group_by"] == "video"
        assert case.state().groups is None

    def test_the_measurement_is_read_from_the_whole_sentence(self, case: Case) -> None:
        (made,) = said(case, "subgroup gaps, clustered by video").tool_calls
        assert (made["name"], made["args"]) == ("disaggregate", {"group_by": "video"})

    @pytest.mark.parametrize(
        "text",
        [
            "how many videos are missed?",
            "sensitivity per video, not per picture",
            "accuracy per video",
            "video-level recall",
            "is every video recognised?",
        ],
    )
    def test_figures_of_groups_are_said_not_to_be_there(self, case: Case, text: str) -> None:
        made = said(case, text)
        assert "All figures are of images, not of video" in made.text and not made.tool_calls

    @pytest.mark.parametrize(
        "text",
        ["accuracy per site", "group by site", "compare the sites", "what does group_by mean", "how many cats are missed?",
         "does it take cats for dogs?", "the pictures of one class belong together", "are the pictures of one video independent?"],
    )  # fmt: skip
    def test_other_sentences_are_left_alone(self, case: Case, text: str) -> None:
        assert together.asked(case, text) is None
        assert case.state().groups is None

    def test_what_no_column_says_is_said(self, case: Case) -> None:
        made = said(case, "the pictures of one house belong together")
        assert "Nothing in the data says which images are of the same house" in made.text
        assert case.state().groups is None

    def test_it_can_be_taken_back(self, case: Case) -> None:
        case.belong("video")
        said(case, "the images are independent")
        assert case.groups == "" and case.state().groups == ""


def test_demands_that_can_never_be_judged_are_refused(case: Case) -> None:
    from failsight.agent.people.expect import check

    check("worst_group[site]", 0.5, case.classes, case)
    check("accuracy[video=v3]", 0.5, case.classes, case)
    case.belong("video")
    for name in ("worst_group[video]", "accuracy[video=v3]", "worst_group[site*video]"):
        with pytest.raises(UserError, match="one group that tells nothing of others"):
            check(name, 0.5, case.classes, case)
    check("worst_group[site]", 0.5, case.classes, case)


def test_groups_of_two_images_can_not_be_judged(tmp_path: Path) -> None:
    from failsight.agent.people.expect import check

    with open_case(predictions=write(tmp_path / "a.csv", videos=200, frames=2), out=tmp_path / "few") as made:
        with pytest.raises(UserError, match="too few images of each value") as told:
            check("worst_group[video]", 0.5, made.classes, made)
        assert "There are site." in str(told.value)


def test_the_command_line_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from failsight.agent.cli import main

    file, out = write(tmp_path / "answers.csv"), tmp_path / "case"
    code = main(
        [
            "run",
            "--predictions",
            str(file),
            "--out",
            str(out),
            "--groups",
            "Video",
            "--expect",
            "accuracy>=0.4",
        ]
    )
    assert code in (0, 3, 4)
    events = [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]
    assert [e["data"]["column"] for e in events if e["kind"] == "groups.set"] == ["video"]
    searched = [
        e["data"] for e in events if e["kind"] == "tool.started" and e["data"]["tool"] == "find_slices"
    ]
    assert searched and all(d["arguments"]["group_by"] == "video" for d in searched)
    capsys.readouterr()
    assert main(["run", "--predictions", str(file), "--out", str(tmp_path / "no"), "--groups", "house"]) == 2
    assert "no column 'house'" in capsys.readouterr().err and not (tmp_path / "no").exists()
