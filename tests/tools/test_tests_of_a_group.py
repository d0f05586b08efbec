"""What was tried before about a group counts: the half that suggested it does not test it, tables are corrected for, clusters stay."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from failsight.agent.narrate.phrases import how_sure, of_group
from failsight.agent.state import CaseState
from failsight.tools.attribute_overview import attribute_overview
from failsight.tools.compare_group import compare_group
from failsight.tools.disaggregate import disaggregate
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, TestResult, Tried, evidence_from_dict
from failsight.tools.find_slices import find_slices
from failsight.tools.stats.slices import discovery_half
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, one_hot

CLASSES = ("cat", "owl")


def view_of(labels: np.ndarray, wrong: np.ndarray, columns: dict[str, Any]) -> FakeView:
    table = FakeTable(
        np.zeros((len(labels), 2, 2, 3), np.uint8), labels, CLASSES, {k: list(v) for k, v in columns.items()}
    )
    return FakeView({"data": table}, scores={"data": one_hot(np.where(wrong, 1 - labels, labels), 2, 0.8)})


def lucky(n: int = 600) -> FakeView:
    """Camera A makes owls fail on the half that a search chooses on, by chance, and not on the other."""
    rng = np.random.default_rng(3)
    labels, camera = rng.integers(0, 2, n), rng.choice(["A", "B"], n)
    first, _ = discovery_half(labels, n, 0, None)
    bad = first & (camera == "A") & (labels == 1)
    return view_of(
        labels,
        rng.random(n) < np.where(bad, 0.6, 0.12),
        {"camera": camera, "light": rng.choice(["day", "night"], n)},
    )


def record(view: FakeView, made: Evidence) -> Evidence:
    named = dataclasses.replace(made, id=f"E{len(view.recorded) + 1}")
    check_evidence(named)
    view.recorded.append(named)
    return named


def test_the_half_that_suggested_a_group_does_not_test_it() -> None:
    alone = compare_group(lucky(), where="camera=A", class_name="owl")
    assert alone.findings[0].verdict == "confirmed"  # nobody searched: all images count
    view = lucky()
    search = record(view, find_slices(view))
    assert any(t.slice == {"camera": "A"} and t.class_name == "owl" for t in search.tried)
    made = compare_group(view, where="camera=A", class_name="owl")
    assert made.findings[0].verdict != "confirmed"
    owls = int((view.table().labels == 1).sum())
    assert made.findings[0].tests[0].n < 0.6 * owls
    assert made.findings[0].part == pytest.approx(made.findings[0].tests[0].n / owls)
    assert alone.findings[0].part == 1.0
    assert "E1" in made.summary
    assert "did not suggest it" in made.summary
    assert not any("No search of this case" in note for note in made.notes)


def test_a_group_inside_or_around_the_suggested_one_is_tested_on_the_other_half_too() -> None:
    view = lucky()
    record(view, find_slices(view))
    for where in ("camera=A", ("camera=A", "light=day")):
        assert "did not suggest it" in compare_group(view, where=where, class_name="owl").summary


def test_a_group_that_no_search_brought_up_keeps_all_images() -> None:
    view = lucky()
    search = record(view, find_slices(view, attributes=("camera",)))
    assert all("light" not in t.slice for t in search.tried)
    made = compare_group(view, where="light=night")
    assert made.findings[0].tests[0].n == len(view.table())
    assert any("No search of this case" in note for note in made.notes)


def test_a_group_named_before_the_search_keeps_all_images() -> None:
    view = lucky()
    named = Finding("weak_slice", "correctness", "unknown", "", {"camera": "A"}, "owl")
    record(view, Evidence("state_hypothesis", "Named", "Named.", findings=(named,)))
    record(view, find_slices(view))
    made = compare_group(view, where="camera=A", class_name="owl")
    assert made.findings[0].verdict == "confirmed"
    assert made.findings[0].tests[0].n == int((view.table().labels == 1).sum())


def test_thresholds_on_all_images_leave_none_to_confirm_on() -> None:
    view = lucky()
    search = record(view, find_slices(view, method="hibug", attributes=("camera",)))
    assert any(f.slice == {"camera": "A"} for f in search.findings)
    made = compare_group(view, where="camera=A", class_name="owl")
    assert made.findings[0].verdict == "inconclusive"
    assert "only other images can confirm it" in made.summary


def overlapping(n: int = 1200) -> FakeView:
    """Owls in the rain fail; most of them come from camera A, which does nothing: a search reports the rain and merges the camera into it."""
    rng = np.random.default_rng(7)
    labels, camera = rng.integers(0, 2, n), rng.choice(["A", "B"], n)
    rain = rng.random(n) < np.where(camera == "A", 0.75, 0.1)
    wrong = rng.random(n) < np.where(rain & (labels == 1), 0.6, 0.08)
    return view_of(labels, wrong, {"camera": camera, "weather": np.where(rain, "rain", "dry")})


def test_a_group_that_a_search_listed_as_merged_is_not_tested_on_the_images_that_suggested_it() -> None:
    view = overlapping()
    search = record(view, find_slices(view, within_class="owl", depth=1))
    rows = next(t.rows for t in search.tables if t.title == "Merged into these slices")
    assert any("camera=A" in str(row[0]) for row in rows)
    assert [t.apart for t in search.tried if t.slice == {"camera": "A"}] == [True]
    made = compare_group(view, where="camera=A", class_name="owl")
    assert made.findings[0].tests[0].n < 0.6 * int((view.table().labels == 1).sum())
    assert "did not suggest it" in made.summary
    assert not any("No search of this case" in note for note in made.notes)


def test_the_worst_value_of_an_overview_counts_as_the_worst_of_all_that_it_compared() -> None:
    alone = compare_group(lucky(), where="camera=A", class_name="owl")
    view = lucky()
    seen = record(view, attribute_overview(view, attributes=("camera", "light")))
    assert any(row[0] == "camera" and "A" in row for row in seen.tables[0].rows)
    made = compare_group(view, where="camera=A", class_name="owl")
    assert made.findings[0].tests[0].p == pytest.approx(
        8 * alone.findings[0].tests[0].p
    )  # four values, two classes
    assert "had compared 8 groups and classes" in made.summary
    assert not any("No search of this case" in note for note in made.notes)
    other = compare_group(view, where="camera=B", class_name="owl")  # nobody called this one bad
    assert any("No search of this case" in note for note in other.notes)


def test_a_half_that_can_not_be_drawn_again_confirms_nothing() -> None:
    view = lucky()
    record(view, find_slices(view))
    facts = tuple(
        dataclasses.replace(f, value="0" * 16) if f.name == "half_that_chose" else f
        for f in view.recorded[0].facts
    )
    view.recorded[0] = dataclasses.replace(view.recorded[0], facts=facts)
    made = compare_group(view, where="camera=A", class_name="owl")
    assert made.findings[0].verdict == "inconclusive"


def frames(videos: int = 40, each: int = 15, seed: int = 1) -> FakeView:
    """Frames of videos whose errors go together; the site has no effect, and looks as if it had one where frames count as independent."""
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(videos), each)
    site = np.where(np.arange(videos) % 3 == 0, "west", "east")
    hard = rng.random(videos) < np.where(site == "west", 0.45, 0.2)
    labels = np.repeat(np.arange(videos) % 2, each)
    wrong = rng.random(len(video)) < np.where(hard[video], 0.8, 0.05)
    return view_of(labels, wrong, {"site": site[video], "video": [f"v{v:02d}" for v in video]})


def test_a_table_that_counts_images_alone_does_not_override_one_that_counted_them_together() -> None:
    free = disaggregate(frames(), attributes=("site",))
    assert [dict(f.slice or {}) for f in free.findings] == [{"site": "west"}]
    view = frames()
    together = record(view, disaggregate(view, group_by="video"))
    assert not together.findings
    assert {t.test.together for t in together.tried} == {"video"}
    later = record(view, disaggregate(view, attributes=("site",)))
    assert not later.findings
    (west,) = (t for t in later.tried if t.slice == {"site": "west"})
    assert west.test.p == next(t.test.p for t in together.tried if t.slice == {"site": "west"})
    assert any("counted images that belong together as one" in note for note in later.notes)
    single = compare_group(view, where="site=west")
    assert single.findings[0].verdict != "confirmed"
    assert single.findings[0].tests[0].together == "video"


def table_of(columns: int, n: int = 800, seed: int = 5) -> FakeView:
    rng = np.random.default_rng(seed)
    names = {f"c{i}": rng.choice(["x", "y", "z"], n) for i in range(columns)}
    labels = rng.integers(0, 2, n)
    rate = np.where(names["c0"] == "x", 0.235, 0.15)
    return view_of(labels, rng.random(n) < rate, names)


def test_narrowing_the_columns_does_not_forget_the_earlier_tests() -> None:
    alone = disaggregate(table_of(6), attributes=("c0",))
    assert [dict(f.slice or {}) for f in alone.findings] == [{"c0": "x"}]
    view = table_of(6)
    wide = record(view, disaggregate(view))
    assert not wide.findings
    narrow = record(view, disaggregate(view, attributes=("c0",)))
    assert not narrow.findings
    assert narrow.fact("tests").value == wide.fact("tests").value
    assert any("in earlier tables of the case" in note for note in narrow.notes)
    again = {t.group: t.test.q for t in narrow.tried}
    assert again == {t.group: pytest.approx(t.test.q) for t in wide.tried if t.group in again}


def test_a_table_that_left_a_group_undecided_is_not_overruled_by_a_test_of_it_alone() -> None:
    assert compare_group(table_of(6), where="c0=x").findings[0].verdict == "confirmed"
    view = table_of(6)
    wide = record(view, disaggregate(view))
    made = compare_group(view, where="c0=x")
    (test,) = made.findings[0].tests
    assert test.verdict != "confirmed"
    assert test.q == next(t.test.q for t in wide.tried if t.slice == {"c0": "x"})
    within = compare_group(view, where="c0=x", class_name="owl")  # picked beside all others, and by class
    assert f"multiplied by {len(wide.tried) * 2}" in within.summary


def test_images_without_a_value_are_a_group_of_their_own() -> None:
    rng = np.random.default_rng(2)
    n = 600
    sex = np.where(rng.random(n) < 0.25, None, rng.choice(["F", "M"], n))
    missing = np.array([v is None for v in sex])
    view = view_of(rng.integers(0, 2, n), rng.random(n) < np.where(missing, 0.5, 0.1), {"sex": sex})
    made = disaggregate(view)
    assert {"sex": "missing"} in [dict(f.slice or {}) for f in made.findings]
    for word in ("sex=missing", "sex=?"):
        alone = compare_group(view, where=word)
        assert alone.findings[0].verdict == "confirmed"
        assert alone.findings[0].tests[0].n == n
    known = compare_group(view, where="sex=F")
    assert f"{int(missing.sum())} more images are in neither part" in known.summary


def test_a_real_value_of_that_name_is_not_taken_for_none() -> None:
    values = ["missing"] * 30 + ["there"] * 30 + [None] * 30
    view = view_of(np.arange(90) % 2, np.arange(90) < 20, {"tooth": values})
    assert compare_group(view, where="tooth=missing").facts[0].n == 30
    assert compare_group(view, where="tooth=?").facts[0].n == 30
    full = view_of(np.arange(60) % 2, np.arange(60) < 20, {"tooth": values[:60]})
    with pytest.raises(RetryError, match="missing in none"):
        compare_group(full, where="tooth=?")


# --- the fold -------------------------------------------------------------------------------------------------------


def outcome(verdict: Any, tool: str = "disaggregate", together: str = "", p: float = 0.01) -> TestResult:
    return TestResult(tool, 0.1, (0.01, 0.2), p, 300, verdict, q=p, together=together)


SLICE = {"site": "west"}


def told(*evidence: Evidence) -> CaseState:
    state = CaseState()
    for i, one in enumerate(evidence):
        named = evidence_from_dict(dataclasses.replace(one, id=f"E{i + 1}").to_dict())
        state._on_evidence_recorded({"evidence": named.to_dict(), "call": f"c{i}"}, i + 1)
    return state


def search(verdict: Any, **more: Any) -> Evidence:
    """A table that tested the group; it becomes a finding where it was confirmed."""
    test = outcome(verdict, **more)
    found = Finding(
        "weak_slice", "fairness", "unknown", "West fails.", SLICE, verdict=verdict, tests=(test,), q=test.q
    )
    held = (found,) if verdict == "confirmed" else ()
    return Evidence(
        test.tool,
        "Groups",
        "Groups.",
        findings=held,
        tried=(Tried(SLICE, dataclasses.replace(test, statistic="")),),
    )


def test_a_finding_has_every_test_of_its_group_whatever_came_of_it() -> None:
    state = told(search("inconclusive", p=0.5), search("confirmed"), search("refuted", p=0.9))
    (found,) = state.records.values()
    assert [(t.verdict, t.evidence) for t in found.finding.tests] == [
        ("inconclusive", "E1"),
        ("confirmed", "E2"),
        ("refuted", "E3"),
    ]
    assert found.finding.verdict == "confirmed"
    assert of_group(found.finding) == "1 of 3 tests of this group confirmed it"
    assert "1 of 3 tests of this group" in how_sure(found.finding)
    assert "all groups compared so in the case" in how_sure(found.finding)
    alone = next(iter(told(search("confirmed")).records.values())).finding
    assert of_group(alone) == ""


@pytest.mark.parametrize("first", [True, False])
def test_what_counted_images_together_stands_whichever_came_first(first: bool) -> None:
    both = [search("inconclusive", together="video", p=0.5), search("confirmed")]
    (found,) = told(*(both if first else both[::-1])).records.values()
    assert found.finding.verdict == "inconclusive"
    assert "images of one video counted together" in found.finding.note
    again = [*both, search("confirmed", together="video", p=0.001)]
    fewer = search("inconclusive", together="video", p=0.4)
    for more in ((), (fewer,)):  # on half of the images, say: that leaves open what all have shown
        assert next(iter(told(*again, *more).records.values())).finding.verdict == "confirmed"
    gone = told(*again, search("refuted", together="video", p=0.9))
    assert next(iter(gone.records.values())).finding.verdict == "refuted"


def test_another_class_or_split_or_what_is_part_of_another_slice_is_not_attached() -> None:
    test = outcome("inconclusive", p=0.5)
    others = (
        Tried(SLICE, test, "owl"),
        Tried(SLICE, test, split="deploy"),
        Tried({**SLICE, "light": "night"}, test),
        Tried(SLICE, test, apart=True),
    )
    state = told(Evidence("find_slices", "Slices", "None.", tried=others), search("confirmed"))
    (found,) = state.records.values()
    assert len(found.finding.tests) == 1


def test_a_journal_from_before_has_no_such_tests() -> None:
    old = search("confirmed").to_dict()
    del old["tried"]
    for one in old["findings"]:
        for test in one["tests"]:
            del test["together"]
    state = CaseState()
    state._on_evidence_recorded({"evidence": {**old, "id": "E1"}, "call": "c"}, 1)
    (found,) = state.records.values()
    assert found.finding.verdict == "confirmed"
    assert found.finding.tests[0].together == ""
