"""The report: what it has to say, in which order, that it is whole and belongs to its journal."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report, check_report, write_reports
from failsight.agent.narrate.files import write_whole
from failsight.agent.narrate.model import Report
from failsight.agent.state import fold
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Figure
from tests.fakes.page import Page
from tests.fakes.told import DARK, SHORTCUT, Teller, evaluated, masked, picture, plan, tell


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tell(tmp_path_factory.mktemp("told") / "case")


@pytest.fixture
def told(once: Path, tmp_path: Path) -> Path:
    """The case told once, copied."""
    return shutil.copytree(once, tmp_path / "case")


def report_of(folder: Path) -> Report:
    journal = Journal(folder, write=False)
    return build_report(fold(journal), journal.events)


def written(folder: Path) -> dict[str, Path]:
    journal = Journal(folder, write=False)
    return {p.name: p for p in write_reports(folder, fold(journal), journal.events)}


def section(report: Report, name: str) -> str:
    """A section of the story as one text, references included."""
    found = next(s for s in report.story if s.id == name)
    return "\n".join(f"{s.text} [{', '.join(s.refs)}]" for s in (*found.lead, *found.points))


# --- the story -----------------------------------------------------------------------------------------------------


def test_what_was_expected_names_who_set_it_and_that_it_was_moved_after_measuring(told: Path) -> None:
    said = section(report_of(told), "expected")
    assert (
        "Accuracy at least 80.0 %, set by a person after measuring had begun. It had been 85.0 % before. [#3, #8]"
        in said
    )
    assert "Recall of kitchen at least 85.0 %, set by Ann" in said


def test_an_expectation_set_in_time_is_said_to_be(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    t.note("expectation.set", name="deploy.accuracy", bound=0.9, at_least=True, by="person")
    t.call(evaluated())
    t.close()
    assert (
        "Accuracy on the deployment images at least 90.0 %, set by a person before anything was measured."
        in section(report_of(tmp_path), "expected")
    )


def test_a_plan_is_said_to_stand_before_its_measurement_by_event_numbers(told: Path) -> None:
    events = Journal(told, write=False).events
    registered = next(e.seq for e in events if e.kind == "instrument.registered")
    recorded = next(
        e.seq
        for e in events
        if e.kind == "evidence.recorded" and e.data["evidence"]["tool"] == "test_by_masking"
    )
    assert registered < recorded
    assert f"Written down as event {registered}, before its measurement (event {recorded})" in section(
        report_of(told), "planned"
    )


def test_a_plan_written_after_its_measurement_is_called_that(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    t.call(masked(SHORTCUT, "box:television", 0.3, (0.2, 0.4), "confirmed", id="F1"))
    made = plan(SHORTCUT, "box:television")
    t.note("instrument.registered", id=made.id, instrument=dataclasses.asdict(made))
    t.close()
    assert "AFTER its measurement" in section(report_of(tmp_path), "planned")


def test_a_test_without_a_plan_is_said_to_have_none(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    t.call(masked(SHORTCUT, "box:television", 0.3, (0.2, 0.4), "confirmed", id="F1"))
    t.close()
    terms = dict(report_of(tmp_path).headlines[0].experiments[0].terms)
    assert terms["Plan"].text == "No plan stands in the journal before this test."


def test_refuted_and_undecided_tests_are_told_with_their_numbers(told: Path) -> None:
    said = section(report_of(told), "tested")
    assert "Effect +29.1 points [+24.1, +34.1] points" in said and "Confirmed. [F1, E4]" in said
    assert "Effect +0.4 points [-1.1, +1.9] points" in said and "Refuted. [F3, E5]" in said
    assert (
        "26.7 % [19.6, 35.2] % of these 120 images are answered wrongly, 16.0 % elsewhere" in said
        and "Undecided. [F2, E3]" in said
    )


def test_who_did_what_is_told_including_refusals(told: Path) -> None:
    said = section(report_of(told), "decided")
    assert "The guided planner asked for 7 tool calls" in said
    assert "A person asked for 1 tool call: test_by_masking." in said
    assert "retrain was refused by a person. [#27]" in said


def test_an_interruption_is_told(tmp_path: Path) -> None:
    said = section(report_of(tell(tmp_path / "case", interrupted=True)), "decided")
    assert "it was interrupted, and the next one went on where it stopped" in said


def test_what_nobody_looked_at_is_told(told: Path) -> None:
    report = report_of(told)
    said = section(report, "not-examined")
    assert "The deployment images were given, but nothing measured them." in said
    assert "The training images were not given" in said
    assert "F4 was stated but not tested: The model overlooks sofas. [E7, F4]" in said
    assert "saliency was tried and could not do it: Saliency needs a model whose layers can be read." in said
    tables = {t.title: t for t in next(s for s in report.story if s.id == "not-examined").tables}
    asked = {row[0]: row[1] for row in tables["Questions without an answer"].rows}
    assert re.fullmatch(r"2 of \d+", str(asked["performance"]))


def test_left_out_images_are_told_once_with_their_evidence(told: Path) -> None:
    assert (
        section(report_of(told), "left-out").count("3 images could not be read and were left out. [E1]") == 1
    )


def test_the_cost_adds_up(told: Path) -> None:
    (table,) = next(s for s in report_of(told).story if s.id == "cost").tables
    assert table.rows[-1][:2] == ("all", 8)
    seconds = [e.seconds for e in fold(Journal(told, write=False)).evidence]
    assert table.rows[-1][2] == pytest.approx(sum(seconds), abs=0.001)
    assert sum(int(str(r[1])) for r in table.rows[:-1]) == 8


def test_the_brief_starts_with_readiness_and_names_only_confirmed_findings_as_headlines(told: Path) -> None:
    report = report_of(told)
    assert report.brief[0].text.startswith("The model is not ready. Fails: recall of kitchen")
    assert [c.id for c in report.headlines] == ["F1"]
    assert [c.id for c in report.others] == ["F2", "F3", "F4"]
    assert any("Recognised least often: kitchen (71.5 % [65.5, 75.5] %)." in s.text for s in report.brief)
    assert any("81.8 % [78.5, 84.7] % of 600 images" in s.text and s.refs == ("E1",) for s in report.brief)


def test_every_piece_of_evidence_names_the_call_that_makes_it_again(told: Path) -> None:
    commands = {x.evidence.id: x.command for x in report_of(told).exhibits}
    assert (
        commands["E3"] == "case.find_slices(depth=2)" or commands["E3"] == "case.find_slices()"
    )  # 2 may be the default
    assert "case.test_by_masking(" in commands["E4"] and "region='box:television'" in commands["E4"]
    assert set(commands) == {f"E{i}" for i in range(1, 9)}


def test_a_call_that_is_printed_is_the_call_that_was_made(told: Path) -> None:
    for exhibit in report_of(told).exhibits:
        tool, given = eval(exhibit.command, {"case": EchoCase()})
        assert tool == exhibit.evidence.tool
        assert given.items() <= dict(exhibit.evidence.arguments).items()


class EchoCase:
    """A case whose tools answer with their name and arguments."""

    def __getattr__(self, tool: str) -> Any:
        return lambda **arguments: (tool, arguments)


def test_several_confirmed_findings_stand_in_one_table_with_the_figures_that_they_share(
    tmp_path: Path,
) -> None:
    t = Teller(tmp_path)
    t.created()
    picture(tmp_path / "figures" / "slices.png", (300, 100))
    both = tuple(dataclasses.replace(f, verdict="confirmed") for f in (SHORTCUT, DARK))
    shared = Figure("Error by slice", "figures/slices.png", "Two bars.")
    t.call(Evidence("find_slices", "t", "s", findings=both, figures=(shared,)))
    t.close()
    report = report_of(tmp_path)
    assert report.overview is not None
    assert [r[0:1] + r[3:6] for r in report.overview.rows] == [
        ("F1", 84, 0.476, 0.185),
        ("F2", 120, 0.267, 0.16),
    ]
    assert report.shared == (("E1", shared),) and all(not c.figures for c in report.headlines)
    page = Page.of(written(tmp_path)["report.html"])
    assert {"#F1", "#F2"} <= {
        a["href"] for a in page.all("a")
    } and "Confirmed findings at a glance" in page.text
    assert (
        written(tmp_path)["report.md"].read_text().count("](figures/slices.png)") == 2
    )  # shared, and in its evidence


def test_a_remark_that_is_older_than_the_verdict_is_not_repeated(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    t.call(
        Evidence("find_slices", "t", "s", findings=(dataclasses.replace(SHORTCUT, note="Yet to be tested."),))
    )
    assert dict(report_of(tmp_path).others[0].terms)["Note"].text == "Yet to be tested."
    old = dataclasses.replace(SHORTCUT, note="Yet to be tested.")
    t.call(
        masked(old, "box:television", 0.3, (0.2, 0.4), "confirmed", id="F1"), plan=plan(old, "box:television")
    )
    t.close()
    assert "Note" not in dict(report_of(tmp_path).headlines[0].terms)


def test_a_caveat_of_an_experiment_stands_beside_its_result(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    made = masked(SHORTCUT, "box:television", 0.3, (0.2, 0.4), "confirmed", id="F1")
    t.call(dataclasses.replace(made, notes=("The controls change less than the cue.",)))
    t.close()
    terms = dict(report_of(tmp_path).headlines[0].experiments[0].terms)
    assert terms["Caveat"].text == "The controls change less than the cue." and terms["Caveat"].refs == (
        "E1",
    )


def test_a_plan_does_not_repeat_the_finding(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    made = dataclasses.replace(
        plan(SHORTCUT, "box:television"), statement=f"{SHORTCUT.statement} Test: the model relies on it."
    )
    evidence = masked(SHORTCUT, "box:television", 0.3, (0.2, 0.4), "confirmed", id="F1")
    facts = tuple(dataclasses.replace(f, value=made.id) if f.name == "plan" else f for f in evidence.facts)
    t.call(dataclasses.replace(evidence, facts=facts), plan=made)
    t.close()
    terms = dict(report_of(tmp_path).headlines[0].experiments[0].terms)
    assert (
        terms["Plan"].text
        == "The model relies on it. Written down as event 3, before its measurement (event 4)."
    )


# --- the files -----------------------------------------------------------------------------------------------------


def test_all_three_files_are_written_in_the_case_folder(told: Path) -> None:
    assert set(written(told)) == {"report.md", "report.html", "findings.json"}
    assert not [p for p in told.iterdir() if p.name.startswith(".report")]


def test_the_same_journal_gives_the_same_report(told: Path) -> None:
    one = {n: p.read_bytes() for n, p in written(told).items()}
    assert one == {n: p.read_bytes() for n, p in written(told).items()}


def test_the_markdown_puts_confirmed_findings_before_the_rest_and_shows_figures(told: Path) -> None:
    text = written(told)["report.md"].read_text()
    order = ["## Findings that were confirmed", "### F1 · Confirmed", "## Tested without confirmation", "### F2 · Undecided",
             "### F3 · Refuted", "### F4 · Open", "## Is it ready?", "## How it was found out", "## Evidence", "## How to check this report"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "](figures/television.png)" in text
    assert Journal(told, write=False).head in text


def test_the_page_is_well_formed_with_one_title_and_headings_in_order(told: Path) -> None:
    page = Page.of(written(told)["report.html"])
    assert page.wrong == []
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.all("html")[0]["lang"] == "en" and len(page.all("title")) == 1


def test_the_page_names_what_it_shows_for_those_who_cannot_see_it(told: Path) -> None:
    page = Page.of(written(told)["report.html"])
    assert len(page.all("img")) >= 4 and all(i.get("alt") for i in page.all("img"))
    assert all(s.get("aria-label") and s.get("role") == "img" for s in page.all("svg"))
    assert len(page.all("table")) == len(page.all("caption")) > 3
    assert all(th.get("scope") in ("col", "row") for th in page.all("th"))


def test_every_link_leads_somewhere_on_the_page_and_no_id_stands_twice(told: Path) -> None:
    page = Page.of(written(told)["report.html"])
    ids = page.ids
    assert len(ids) == len(set(ids))
    targets = {a["href"] for a in page.all("a")}
    assert targets and all(t.startswith("#") and t[1:] in ids for t in targets)


def test_the_page_loads_nothing_and_runs_nothing(told: Path) -> None:
    source = written(told)["report.html"].read_text()
    page = Page(source)
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {t for t, _ in page.tags}
    assert all(i["src"].startswith("data:image/") for i in page.all("img"))
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on") or a == "style"]
    assert "http://" not in source and "https://" not in source


def test_the_style_is_the_one_that_the_policy_allows(told: Path) -> None:
    import base64
    import hashlib

    source = written(told)["report.html"].read_text()
    style = re.search("<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    allowed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{allowed}'" in source.replace("&#x27;", "'")


def test_figures_are_downscaled_and_examples_are_thumbnails(told: Path) -> None:
    page = Page.of(written(told)["report.html"])
    widths = [(i["alt"], int(i["width"])) for i in page.all("img") if "width" in i]
    assert max(w for _, w in widths) == 1400  # television.png is 1800 wide
    assert any(alt.startswith("kitchen/0003.png") and w <= 132 for alt, w in widths)
    assert "kitchen/gone.png" in page.text  # the file is not there any more: its name stands instead


def test_a_figure_that_stands_twice_is_embedded_once(told: Path) -> None:
    page = Page.of(written(told)["report.html"])
    sources = [i["src"] for i in page.all("img") if i["alt"].startswith("The same image three times")]
    assert (
        len(sources) == 2 == len(set(sources))
    )  # television and cat, in their cards; their evidence links there
    assert [a for a in page.all("a") if a["href"] == "#figure-1"]


def test_a_missing_figure_leaves_its_description(told: Path) -> None:
    (told / "figures" / "cat.png").unlink()
    files = written(told)
    assert "cat covered, a control covered" in Page.of(files["report.html"]).text
    assert "Figure missing" in files["report.md"].read_text()


def test_a_verdict_is_a_word_and_not_a_colour_alone(told: Path) -> None:
    text = Page.of(written(told)["report.html"]).text
    for word in ("Confirmed", "Undecided", "Refuted", "Open", "Not ready"):
        assert word in text


@pytest.mark.parametrize("events", [0, 1])
def test_an_empty_case_has_a_report_that_says_so(tmp_path: Path, events: int) -> None:
    t = Teller(tmp_path)
    if events:
        t.created()
    t.close()
    files = written(tmp_path)
    page = Page.of(files["report.html"])
    assert page.wrong == [] and "Nothing has been measured yet." in page.text
    assert "No finding is confirmed: nothing has been tested." in files["report.md"].read_text()
    assert json.loads(files["findings.json"].read_text())["findings"] == []


def test_a_black_box_has_a_report(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.note(
        "case.created",
        name="box",
        created="2026-01-01",
        task="",
        model=None,
        data={
            "data": {
                "path": "p.csv",
                "format": "predictions",
                "fingerprint": "f",
                "n": 3,
                "classes": ["a", "b"],
            }
        },
        seed=0,
        level="expert",
        planner="guided",
    )
    t.close()
    assert "not given; only its predictions were" in written(tmp_path)["report.md"].read_text()


def test_only_the_formats_that_were_asked_for_are_written(told: Path) -> None:
    journal = Journal(told, write=False)
    assert [p.name for p in write_reports(told, fold(journal), journal.events, ("md",))] == ["report.md"]
    with pytest.raises(UserError, match="pdf"):
        write_reports(told, fold(journal), journal.events, ("pdf",))


def test_a_disk_that_is_full_is_one_sentence_and_the_old_report_stays(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(told)["report.md"].read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(
        UserError, match=r"report.md cannot be written .*No space left on device.* Free some space"
    ):
        written(told)
    assert (told / "report.md").read_bytes() == before
    assert not list(told.glob(".report*"))


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_whole(tmp_path / "nowhere" / "report.md", b"x")


def test_an_unknown_event_or_tool_does_not_break_a_report(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    t.note("something.new", a=[1, {"b": 2}])
    t.call(
        Evidence("outside_tool", "Something", "It measured something.", arguments={"x": [1, 2], "y": None})
    )
    t.close()
    assert "case.outside_tool(x=[1, 2], y=None)" in written(tmp_path)["report.md"].read_text()


# --- does it belong to its journal? ----------------------------------------------------------------------------------


def test_a_fresh_report_belongs_to_its_journal(told: Path) -> None:
    written(told)
    assert check_report(told) == []


def test_no_report_is_no_problem(told: Path) -> None:
    assert check_report(told) == []


def test_events_that_change_no_finding_leave_a_report_valid(told: Path) -> None:
    written(told)
    journal = Journal(told)
    journal.append("session.closed", {})
    journal.close()
    assert check_report(told) == []


def test_new_findings_make_a_report_old(told: Path) -> None:
    written(told)
    t = Teller(told)
    t.made = 8
    t.call(masked(SHORTCUT, "box:television", 0.0, (-0.01, 0.01), "refuted", id="F1"))
    t.close()
    assert [p.split()[0] for p in check_report(told) if "older than the journal" in p] == [
        "findings.json",
        "report.html",
        "report.md",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("report.html", "whatever the room is", "only at night", "report.html was edited"),
        ("findings.json", '"confirmed"', '"refuted"', "findings.json holds other findings"),
        ("findings.json", '"head": "', '"head": "f', "does not belong to this journal"),
        ("report.md", "journal events: 29", "journal events: 28", "does not belong to this journal"),
        ("report.md", "journal events: 29", "journal events: 99", "tells of 99 events"),
        ("report.md", "journal events", "events", "does not say which journal"),
        ("report.html", "failsight:journal-head", "failsight:head", "does not say which journal"),
        ("findings.json", "{", "", "cannot be read"),
    ],
)  # fmt: skip
def test_a_changed_report_is_noticed(told: Path, name: str, old: str, new: str, said: str) -> None:
    path = written(told)[name]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert any(said in problem for problem in check_report(told))


def test_a_report_of_another_case_is_noticed(told: Path, tmp_path: Path) -> None:
    other = tell(tmp_path / "other")
    (told / "report.html").write_bytes(written(other)["report.html"].read_bytes())
    assert any("does not belong to this journal" in problem for problem in check_report(told))


def test_a_journal_changed_beyond_reading_is_said_to_be(told: Path) -> None:
    written(told)
    path = told / "journal.jsonl"
    path.write_text(path.read_text().replace('"tool":"evaluate"', '"toil":"evaluate"'))
    assert check_report(told) == [
        "The report cannot be checked: the journal holds events that were changed beyond reading."
    ]
