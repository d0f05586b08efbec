"""After a model was found to be fed or read wrongly the case goes on with it as it should be, and says which number is of which."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from failsight.agent.case import Case
from failsight.agent.events import ApprovalAsked, EvidenceMade, PlannerSaid
from failsight.agent.opening import open_case
from failsight.agent.planners import adopting, words
from failsight.agent.session import Session
from failsight.agent.ui.readiness import as_given, verdict
from failsight.tools.adopt_version import _by_class, _recalls
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact
from tests.fakes.patterns import CLASSES, made_case

TURNED = ("birch", "cedar", "elm", "ash")  # the first output is ash, and is called birch


@pytest.fixture
def fed(tmp_path: Path) -> Any:
    """A case whose side file says BGR, of a model that takes RGB."""
    case = open_case(out=tmp_path / "case", **made_case(tmp_path, channels="BGR"))
    yield case
    case.close()


@pytest.fixture
def named(tmp_path: Path) -> Any:
    """A case whose side file names the outputs in another order."""
    case = open_case(out=tmp_path / "case", **made_case(tmp_path, classes=list(TURNED)))
    yield case
    case.close()


def accuracy(case: Case) -> float:
    return float(case.call("evaluate")[0].fact("accuracy").value or 0)


def test_the_case_goes_on_with_the_pipeline_found_and_measures_anew(fed: Case) -> None:
    before = accuracy(fed)
    fed.call("find_slices")
    found = fed.call("preprocessing_probe")[0]
    (record,) = [r for r in fed.state().confirmed() if r.finding.kind == "preprocessing"]
    proposed = fed.call("propose_correction")[0].corrections[0]
    assert proposed.strategy == "data_engineering" and '"channels": "RGB"' in proposed.action
    made = fed.call("adopt_version", {"finding": record.id}, by="person")[0]
    state = fed.state()
    assert state.current == "R1.1" and "R1.1" in made.summary and made.corrections[0].status == "verified"
    assert state.made_with[found.id] == "" and state.made_with[made.id] == "R1.1"
    again, reused = fed.call("evaluate")
    after = float(again.fact("accuracy").value or 0)
    assert not reused and before < 0.6 < 0.9 < after
    assert [r.id for r in state.confirmed()] == [record.id]  # nothing else of the wrongly fed model stands
    side = json.loads((fed.folder / "repair" / "R1" / "1" / "model.json").read_text())
    assert side["channels"] == "RGB" and side["classes"] == list(CLASSES)


def test_a_verdict_after_it_says_of_which_version_it_is(fed: Case) -> None:
    fed.call("preprocessing_probe")
    fed.call("adopt_version", {"finding": "F1"}, by="person")
    (finding,) = fed.call("class_order")[0].findings
    assert finding.verdict == "refuted"
    assert finding.statement == "The class names of R1.1 stand in another order than its outputs."


def test_the_same_finding_twice_is_once_and_a_killed_run_goes_on(fed: Case) -> None:
    fed.call("preprocessing_probe")
    fed.call("adopt_version", {"finding": "F1"}, by="person")
    events = len([e for e in fed.journal.events if e.kind == "model.adopted"])
    fed.call("adopt_version", {"finding": "f1"}, by="person")
    assert events == len([e for e in fed.journal.events if e.kind == "model.adopted"]) == 1
    given = {"out": fed.folder, "model": fed.config.model, "data": fed.config.data}
    now = accuracy(fed)
    fed.close()
    with open_case(**given) as later:
        assert later.state().current == "R1.1" and accuracy(later) == now > 0.9
        assert (
            later.model().preprocessing.channels == "RGB"
            and later.given_model().preprocessing.channels == "BGR"
        )


def test_what_is_recognised_less_often_than_before_is_told(fed: Case) -> None:
    fed.call("preprocessing_probe")
    (record,) = [r for r in fed.state().confirmed() if r.finding.kind == "preprocessing"]
    found = fed.evidence("preprocessing_probe")[-1]
    of = next(f.of for f in found.facts if f.name == "side_file")
    for name in CLASSES:  # what was measured of each class is in the evidence, as it was and as found
        assert (
            found.fact("recall", f"pipeline as declared, class {name}").n
            == found.fact("recall", f"{of}, class {name}").n
        )
    worse = [
        dataclasses.replace(f, value=0.25 if "as declared" not in f.of else 0.75)
        if f.name == "recall" and f.of.endswith("class elm")
        else f
        for f in found.facts
    ]
    mean = [
        Fact("balanced_accuracy", v, "share", o, n=100)
        for v, o in ((0.5, "pipeline as declared"), (0.4, "pipeline BGR + crop, margin"), (0.8, of))
    ]
    other = dataclasses.replace(found, facts=(*worse, *mean))
    view: Any = SimpleNamespace(evidence=lambda: [other])
    text, facts = _recalls(_by_class(view, record.finding), "R1.1")
    assert (
        text
        == " The mean recall of the classes goes from 50.0 % to 80.0 %; recall of elm falls from 75.0 % to 25.0 %."
    )
    assert [f.of for f in facts][-1] == "version R1.1, class elm"
    made = fed.call("adopt_version", {"finding": record.id}, by="person")[0]
    assert "falls" not in made.summary  # here every class is recognised more often


def test_what_is_not_confirmed_is_not_gone_on_with(fed: Case) -> None:
    fed.call("evaluate")
    with pytest.raises(RetryError, match="no finding"):
        fed.call("adopt_version", {"finding": "F9"}, by="person")
    assert fed.state().current == "" and not fed.versions()


def test_the_order_of_the_classes_is_found_and_gone_on_with(named: Case) -> None:
    assert accuracy(named) < 0.1
    made = named.call("class_order")[0]
    assert made.findings[0].verdict == "confirmed" and made.findings[0].kind == "class_order"
    assert json.loads("{" + str(made.fact("side_file", "class order").value) + "}") == {
        "classes": list(CLASSES)
    }
    (record,) = [r for r in named.state().confirmed() if r.finding.kind == "class_order"]
    named.call("adopt_version", {"finding": record.id}, by="person")
    assert accuracy(named) > 0.9 and named.classes == CLASSES
    assert named.call("class_order")[0].findings[0].verdict == "refuted"
    assert record.id in [
        r.id for r in named.state().confirmed()
    ]  # the first finding still says what was mended


def said(events: Any) -> str:
    return "\n".join(e.text for e in events if isinstance(e, PlannerSaid))


def test_a_person_is_offered_it_and_goes_on_in_words(fed: Case) -> None:
    fed.call("preprocessing_probe")
    offer = adopting.offer(fed, fed.state())
    assert words.choices(fed)[0] == offer == "Use the pipeline found (F1)"
    assert offer in "\n".join(words.next_lines(fed))
    session = Session(fed)
    asked = [e for e in session.say(offer) if isinstance(e, ApprovalAsked)]
    assert [a.tool for a in asked] == ["adopt_version"]
    told = list(session.decide(True))
    assert any(isinstance(e, EvidenceMade) and e.evidence.tool == "adopt_version" for e in told)
    assert fed.state().current == "R1.1" and "R1.1" in said(told)
    assert "R1.1" in said(session.say("go on with the pipeline found"))  # it was done, and that is said
    session.close()


@pytest.mark.parametrize(
    "sentence",
    [
        "go on with the right pipeline",
        "Go on with the pipeline found",
        "use the correct preprocessing",
        "please switch to the channel order found in F1",
        "repair F1",
        "fix F1",
    ],
)
def test_other_words_for_it(fed: Case, sentence: str) -> None:
    fed.call("preprocessing_probe")
    session = Session(fed)
    asked = [e for e in session.say(sentence) if isinstance(e, ApprovalAsked)]
    assert [a.tool for a in asked] == ["adopt_version"]
    session.close()


def test_a_no_is_kept_and_the_case_goes_on_as_it_was(fed: Case) -> None:
    fed.call("preprocessing_probe")
    session = Session(fed)
    list(session.say(adopting.offer(fed, fed.state())))
    list(session.decide(False))
    assert fed.state().current == ""
    asked = [e for e in session.say("go on") if isinstance(e, ApprovalAsked)]
    assert not [a for a in asked if a.tool == "adopt_version"]
    session.close()


def test_an_unattended_run_goes_on_with_it_by_its_policy_and_judges_that(fed: Case) -> None:
    fed.expect("accuracy", 0.8)
    session = Session(fed)
    list(session.auto())
    state = fed.state()
    order = [e.tool for e in state.evidence]
    assert order[order.index("preprocessing_probe") + 1] == "adopt_version"
    assert next(e.data["rule"] for e in fed.journal.events if e.kind == "approval.given") == "measure"
    ready = state.latest("readiness")
    assert ready is not None and "R1.1" in ready.summary and verdict(state) == "ready"
    assert as_given(state) == "not_ready"  # an exit code is of what somebody runs unchanged
    session.close()


def test_a_sign_off_names_the_version_that_it_is_of(fed: Case) -> None:
    from failsight.agent.people.signoff import page, sentence, sign

    fed.expect("accuracy", 0.8)
    fed.call("preprocessing_probe")
    before = sign(fed, "Ann", "not-ready", "")
    assert before.version == "" and "version" not in sentence(before)
    fed.call("adopt_version", {"finding": "F1"}, by="person")
    after = sign(fed, "Ann", "ready", "")
    assert (
        after.version == "R1.1"
        and "signed it off as ready" in sentence(after)
        and "the version R1.1" in sentence(after)
    )
    assert "R1.1" in "\n".join(page(fed.state(), fed.journal.events))
