"""Advice and words about the work: what is said to decisions, summaries, changed demands, the record, wrong beliefs; and what is left to others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.case import Case
from failsight.agent.planners import answering, requirements
from failsight.agent.planners.advice.meta import column_of
from failsight.agent.planners.advice.numbers import judged, of_classes
from failsight.agent.planners.advice.words import bare
from failsight.agent.planners.dialogue import Act, Turn
from failsight.tools.evidence import Evidence, Fact, Finding, TestResult, Verdict
from tests.agent.advice_talk import opened, said
from tests.agent.guided_talk import rooms
from tests.fakes.case import FakeCase

ACCURACY = "74.2 % [72.3, 75.9] %"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    made = opened(tmp_path_factory.mktemp("advice"))
    yield made
    made.close()


# --- decisions -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "can I use this model?", "is it usable?", "can we ship it?", "so is it good enough?", "could we deploy it next week?", "may I trust it?", "is this model production ready?",
        "morning. ok so give it to me straight: can we ship this next week?", "are we ready to ship?", "what's the verdict?", "ok good. whats the verdict", "should we release this model?", "is it safe to use?",
    ],
)  # fmt: skip
def test_may_it_be_used_is_judged(text: str, case: Case) -> None:
    assert said(case, text) == "→ readiness"


@pytest.mark.parametrize(
    "text",
    [
        "what if I only needed 80 percent?", "and if I only needed 80 percent?", "would 80 % do?", "would it be ready at 80 %?", "what if we only required 80 % accuracy?",
        "would it be good enough if we only wanted 80 %?", "what about 80 % were enough",
    ],
)  # fmt: skip
def test_another_demand_is_tried_and_nothing_changed(text: str, case: Case) -> None:
    events = len(case.journal)
    told = said(case, text)
    assert (
        told.startswith("No, accuracy at least 80.0 % would not hold either")
        and ACCURACY in told
        and "[E13]" in told
    )
    assert "recall of the weakest class at least 80.0 %" in told and "Nothing was changed" in told
    assert len(case.journal) == events


def test_a_bound_inside_the_interval_is_undecided_and_one_below_holds(case: Case) -> None:
    assert said(case, "what if I only needed 74 %?").startswith("Undecided")
    assert said(case, "what if I only needed 70 %?").startswith("Yes, accuracy at least 70.0 % would hold")
    assert "[49.5, 57.5] %: by itself that fails [E2]" in said(case, "what if I only needed 70 %?")
    assert "[49.5, 57.5] %: by itself that is undecided [E2]" in said(case, "what if I only needed 53 %?")
    assert "[49.5, 57.5] %: by itself that holds [E2]" in said(case, "what if I only needed 40 %?")


@pytest.mark.parametrize(
    "text",
    [
        "so how far off are we, in points?",
        "how many points are missing?",
        "which requirement fails",
        "how far away are we from the goal?",
    ],
)
def test_what_is_missing_is_told_in_points_and_images(text: str, case: Case) -> None:
    told = said(case, text)
    assert (
        "15.8 points are missing" in told and "at least 357 more" in told and "14.5 points" in told
    )  # (0.9 − 1669/2250) · 2250 = 356
    assert "[E13]" in told and "errors" in told


def test_what_another_goal_lacks(case: Case) -> None:
    assert "5.8 points are missing" in said(case, "what would we need to get to 80 %?")
    assert "would hold" in said(case, "what would it take to get to 70 %?")


@pytest.mark.parametrize(
    "text",
    [
        "how many more deployment photos do we need to label before you would say yes",
        "how many more pictures until it is ready?",
        "how many images would decide it?",
    ],
)
def test_more_images_do_not_mend_what_fails(text: str, case: Case) -> None:
    told = said(case, text)
    assert (
        told.startswith("More images would change nothing for what surely fails: accuracy at least 90.0 %")
        and "[E13]" in told
    )


@pytest.mark.parametrize(
    "text",
    [
        "is there a class that is ready?",
        "which classes are ready?",
        "which species can I trust?",
        "is there any room that is usable?",
        "which class can we rely on?",
    ],
)
def test_classes_are_told_with_both_rates(text: str, case: Case) -> None:
    told = said(case, text)
    assert told.startswith("No class is ready: none is surely recognised in at least 80.0 %")
    assert "dining_room is recognised in 82.7 %" in told and "94.8 %" in told and "[E2]" in told


# --- what matters most, and what it brings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("which is the biggest problem?", 1), ("what is the most serious fault?", 1), ("what are the biggest problems?", 3), ("which of the findings matters most?", 1), ("what is the single most important thing on monday?", 1), ("what's the biggest problem?", 1),
        ("what are the three biggest risks?", 3), ("give me the 3 biggest risks, and for each one the number and what to do", 3), ("name the two worst problems", 2), ("rank the problems", 5),
        ("rank the problems by how many users they affect", 5), ("what should we fix first?", 3), ("which finding matters most?", 1), ("and by how cheap they are to fix", 3),
    ],
)  # fmt: skip
def test_findings_come_by_errors_at_stake(text: str, lines: int, case: Case) -> None:
    told = said(case, text)
    assert told.count("At stake: at most") == lines
    stakes = [int(part.split(" errors")[0].replace(",", "")) for part in told.split("At stake: at most ")[1:]]
    assert stakes == sorted(stakes, reverse=True)
    assert "can't be added up" in told
    counted = [
        r
        for r in case.state().confirmed()
        if r.finding.error_rate is not None and r.finding.base_error_rate is not None
    ]
    first = max(counted, key=lambda r: (r.finding.error_rate - r.finding.base_error_rate) * r.finding.n)  # type: ignore[operator]
    assert f"**{first.id}**" in told.split("At stake")[0]


@pytest.mark.parametrize(
    "text",
    [
        "and how much would accuracy go up by it?",
        "how much better would it get?",
        "what would we gain?",
        "how much would it improve if we fix that?",
        "is it worth fixing?",
    ],
)
def test_the_gain_is_a_bound_and_not_a_promise(text: str, case: Case) -> None:
    told = said(case, text, (Turn("x", (), "Let us take **F11**."),))
    record = case.state().find("F11")
    assert record is not None
    f = record.finding
    errors = round((f.error_rate - f.base_error_rate) * f.n)  # type: ignore[operator]
    assert told.startswith(f"At most {errors} of the {f.n} images of F11") and "verified" in told
    assert f"{100 * errors / 2250:.1f} points" in told


@pytest.mark.parametrize(
    "text", ["and which of those two is the more serious one?", "which of them is worse?"]
)
def test_those_are_the_findings_of_the_last_answer_or_none(text: str, case: Case) -> None:
    assert said(case, text, (Turn("x", (), "There are **F13** and **F6**."),)).startswith("**F6**")
    assert said(case, text, (Turn("x", (), "There are 3 kitchens. [E2]"),)) == said(case, text) == ""


@pytest.mark.parametrize(
    "text", ["is that fixed now?", "and is that fixed?", "is F11 repaired yet?", "has it been fixed?"]
)
def test_whether_it_is_mended(text: str, case: Case) -> None:
    told = said(case, text, (Turn("x", (), "Let us take **F11**."),))
    assert told.startswith("No: F11 is not repaired. Proposed and not tried: Cover television")


@pytest.mark.parametrize(
    "text",
    [
        "anything cheaper?",
        "is there anything cheaper",
        "is there a cheaper way?",
        "what is the cheapest fix?",
    ],
)
def test_what_is_cheapest(text: str, case: Case) -> None:
    assert "cost low" in said(case, text, (Turn("x", (), "Let us take **F11**."),))


@pytest.mark.parametrize(
    "text",
    [
        "what would you do?",
        "ok and what would you do?",
        "what do I do now?",
        "what do we do about it?",
        "what do you recommend?",
        "any advice?",
    ],
)
def test_what_to_do_is_no_list_of_measurements(text: str, case: Case) -> None:
    told = said(case, text)
    assert told.startswith("What costs most errors comes first") and "E5" not in told


def about(name: str, verdict: Verdict, *tests: TestResult) -> Finding:
    return Finding("rare_case", "correctness", "data_statistics", f"{name} goes wrong.", {name: "yes"}, verdict=verdict, tests=tests)  # fmt: skip


def told_of(folder: Path, *found: Finding) -> Case:
    """A case with an evaluation and these findings, and nothing else."""
    like = rooms(folder / "like")
    case = FakeCase(folder / "case", like._tables, like._model)  # type: ignore[arg-type]
    facts = (Fact("accuracy", 0.7, "share", "", (0.6, 0.8), 100),)
    for number, made in enumerate((Evidence("evaluate", "How good", "70 %.", id="E1", facts=facts), Evidence("find_slices", "Groups", "Some.", id="E2", findings=found))):  # fmt: skip
        case.record("evidence.recorded", call=str(number), evidence=made.to_dict())
    return case


def test_the_least_sure_finding_is_told_by_its_interval_and_not_without_one(tmp_path: Path) -> None:
    case = told_of(tmp_path / "none", about("light", "confirmed"))
    assert said(case, "which finding is the shakiest?").startswith("No confirmed finding that waits for a repair was tested with an interval")  # fmt: skip
    case.close()
    wide, narrow = (
        TestResult("find_slices", 0.2, (0.2 - half, 0.2 + half), 0.01, 100, "confirmed")
        for half in (0.19, 0.02)
    )
    case = told_of(tmp_path / "two", about("narrow", "confirmed", narrow), about("wide", "confirmed", wide), about("untested", "confirmed"))  # fmt: skip
    assert "wide goes wrong" in said(case, "which finding is the shakiest?")
    case.close()


def test_one_fault_and_one_refuted_suspicion_are_told_as_one(tmp_path: Path) -> None:
    case = told_of(tmp_path, about("light", "confirmed"), about("noise", "refuted"))
    assert "; one confirmed fault is not repaired." in said(case, "in one sentence")
    assert "One fault is confirmed and not repaired: light goes wrong [F1]." in said(
        case, "in three sentences"
    )
    assert "One suspicion was refuted: F2." in said(case, "anything good?")
    case.close()


def test_the_newest_figure_of_each_class_is_told(tmp_path: Path) -> None:
    case = told_of(tmp_path)
    new = (Fact("recall", 0.9, "share", "class kitchen", (0.8, 0.95), 50), Fact("accuracy", 0.1, "share", "split deploy", (0.0, 0.2), 9))  # fmt: skip
    old = (Fact("recall", 0.2, "share", "class kitchen", (0.1, 0.3), 40), Fact("recall", 0.3, "share", "class bathroom", None, 30))  # fmt: skip
    for number, facts in enumerate((old, new), 3):
        made = Evidence("evaluate", "How good", "So.", id=f"E{number}", facts=facts)
        case.record("evidence.recorded", call=str(number), evidence=made.to_dict())
    found = of_classes(case.state(), ["kitchen", "bathroom", "bedroom"], "recall")
    assert {c: (r.value, r.n, r.evidence) for c, r in found.items()} == {"kitchen": (0.9, 50, "E4"), "bathroom": (0.3, 30, "E3")}  # fmt: skip
    assert of_classes(case.state(), ["kitchen"], "recall", "deploy") == {}
    case.close()


# --- in few words --------------------------------------------------------------------------------------------------------


def sentences(text: str) -> int:
    """Sentences of a summary: numbers and intervals have points within."""
    import re

    return len(re.findall(r"\.(?= [A-Z0-9]|$)", text))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("what do i tell the board? three sentences please", 3), ("summarise that in two sentences for my boss", 2), ("in one sentence", 1), ("what's wrong with my model in one sentence?", 1), ("tell it in four sentences", 4),
        ("what do I tell the CEO?", 3), ("shorter", 1), ("that's too long", 1), ("give me the short version", 3), ("sum it up for my mother", 3), ("explain everything in 2 sentences", 2),
    ],
)  # fmt: skip
def test_a_summary_has_as_many_sentences_as_asked_for(text: str, count: int, case: Case) -> None:
    told = said(case, text)
    assert told.startswith("In short: The model is not ready: it is right in " + ACCURACY)
    assert sentences(told) == count and "accuracy at least 90.0 % is demanded" in told


def test_shorter_takes_a_sentence_off(case: Case) -> None:
    for asked, left in (("in three sentences", 2), ("in two sentences", 1), ("in one sentence", 1)):
        before = (Turn(asked, (), said(case, asked)),)
        assert sentences(said(case, "shorter", before)) == left


def test_for_a_child_it_is_told_in_whole_pictures(case: Case) -> None:
    for text in ("like I'm five", "explain it like I'm five", "as if I was a child"):
        told = said(case, text)
        assert "about 74 of 100" in told and "p <" not in told and "not good enough" in told
    told = said(case, "explain F11 like I'm five")
    assert told.startswith("F11, in plain words:") and "instrument" not in told


def test_the_good_side_is_told_and_stays_true(case: Case) -> None:
    for text in (
        "the CEO is going to kill me. tell me something good about it",
        "anything good?",
        "that's too negative. it is right three times out of four, isn't it?",
    ):
        told = said(case, text)
        assert ACCURACY in told and "dining_room" in told


def test_a_report_is_written_where_that_is_meant(tmp_path: Path) -> None:
    case = opened(tmp_path)
    assert "report-requester" in said(case, "thanks, write that down as a report for the board")
    case.close()


# --- what figures do not mean ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "begins", "holds"),
    [
        ("if p is 0.04 is there a 96 % chance that it is true?", "No. p is not the chance", "control"),
        ("does p = 0.01 mean a 99 % probability that it's real?", "No. p is not the chance", ""),
        ("so the heat map proves that it looks at the shower, right?", "No: a heat map", "F11"),
        ("F11 means every television picture is called living room, right?", "No, not every one: F11 is about 50.1 %", "0.9 %"),
        ("if I delete the television pictures the model is fixed, right?", "No: deleting pictures mends nothing", "**F11**"),
        ("so 85 % accurate means it's fine?", "A share of right answers is neither good nor bad", "And this model has another one: " + ACCURACY),
        ("is 74 % good?", "A share of right answers", "Here it is " + ACCURACY),
        ("is that good?", "A share of right answers", "The model is not ready"),
        ("but the gap is 22 points, so it must be overfitting, no?", "The gap alone does not decide it", "F4 was not tested"),
    ],
)  # fmt: skip
def test_a_figure_is_not_taken_for_what_it_is_not(text: str, begins: str, holds: str, case: Case) -> None:
    told = said(case, text)
    assert told.startswith(begins) and holds in told


def test_a_refuted_learning_by_heart_is_said_to_be_refuted(tmp_path: Path) -> None:
    case = opened(tmp_path)
    found = Finding(
        "overfitting", "model", "evaluate", "It learnt its training images by heart.", verdict="refuted"
    )
    case.record(
        "evidence.recorded",
        call="99",
        evidence=Evidence(
            "training_record", "How training went", "Nothing odd.", id="E14", findings=(found,)
        ).to_dict(),
    )
    told = said(case, "the gap is 22 points so it must be overfitting, no?")
    assert (
        told.startswith("No. A gap between training and evaluation images is no proof")
        and "is refuted" in told
    )
    case.close()


def test_the_number_last_told_is_traced_and_not_defined(case: Case) -> None:
    before = (Turn("how good is it?", (Act("evaluate", {}, "E2"),), "It is right in 74.2 %. [E2]"),)
    for text in (
        "how did you get that number?",
        "where does that number come from?",
        "how did you calculate this figure?",
    ):
        told = said(case, text, before)
        assert (
            told.startswith("It is from E2, measured by evaluate")
            and ACCURACY in told
            and "/evidence E2" in told
        )
    told = said(case, "are you sure?", before)
    assert ACCURACY in told and told.endswith("That rests on [E2].")
    tested = (Turn("x", (), "**F11** [confirmed] [E9]"),)
    assert "q " in said(case, "is that significant?", tested) and "F11 is confirmed" in said(
        case, "is that a real effect or chance?", tested
    )


# --- the talk itself ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ugh this is a disaster isn't it", "In short:"), ("so was i right?", "no suspicion yet"), ("that doesn't add up, you said 74 % before", ACCURACY), ("you said 74 % before", "evaluation images"),
        ("and for whom? who would actually suffer from this", "pictures and not people"), ("how good would a human be at this?", "does not know"), ("would an expert be better than the model?", "does not know"),
        ("that is wrong, the picture shows a kitchen", "Which picture do you mean?"), ("you are wrong", "That may be."), ("are you just making this up", "That may be."), ("hi, what have you got?", "I am Failsight"),
        ("can I show this to my professor?", "Write the report"), ("would a bigger model help?", "not known"), ("so bedrooms are fine?", "confirmed about bedroom"), ("what would a competitor have", "this model only"),
    ],
)  # fmt: skip
def test_words_about_the_talk_get_an_answer(text: str, holds: str, case: Case) -> None:
    assert holds in said(case, text)


def test_a_question_that_was_not_answered_is_named(case: Case) -> None:
    before = (Turn("would that help?", (Act("propose_correction", {}, "E12"),), "F11: Cover it. [E12]"),)
    told = said(case, "you didn't answer my question", before)
    assert "“would that help?”" in told and "propose_correction" in told


def test_what_is_not_worth_it_is_a_finding_that_was_told_or_nothing(case: Case) -> None:
    assert said(case, "so it's not worth fixing?") == ""
    assert "F6" in said(case, "so it's not worth fixing?", (Turn("x", (), "That is **F6**."),))
    assert said(case, "you didn't answer my question").startswith("Nothing was asked before")
    assert said(case, "so what are we going to tell the agents? can they use it").startswith("In short:")


def test_a_column_in_other_words_is_found(case: Case) -> None:
    names = list(case.table().columns)
    assert all(column_of(case, name.replace("_", " ") + "s") == name for name in names[:3])
    assert column_of(case, "price of the house") is None
    case.table().columns["Kamera-Standort"] = ["a", "b"] * (len(case.table().paths) // 2)  # type: ignore[index]
    try:
        assert column_of(case, "camera location") == column_of(case, "camera locations") == "Kamera-Standort"
        assert said(case, "which camera location is the worst?") == "→ find_slices"
    finally:
        del case.table().columns["Kamera-Standort"]  # type: ignore[attr-defined]


# --- what is left to others ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "how good is it?", "is it good?", "how accurate is it on kitchens?", "which class is the worst?", "what is a finding?", "what is a heat map?", "show me the heat map of kitchen", "why F11?", "what is F11?", "what next?",
        "is it overfitting?", "is the model overfitting because of the small training set", "is kitchen worse than bathroom?", "repair F11", "did it help?", "are the labels right?", "I think it uses the television to say living room",
        "how many kitchens are wrong?", "what is the recall of kitchen?", "show me wrong kitchens", "what does recall mean?", "go on", "yes", "no", "thanks", "undo", "write the report", "write a report for the ethics board",
        "what happens with dark pictures?", "does it confuse kitchen and dining room?", "accuracy at least 90 %", "which pictures are dark?", "is it worse when it is dark?", "compare kitchen with bathroom", "who are you?", "help",
        "what have you found?", "what was refuted?", "summarize", "is bathroom recognised in real use?", "what is significant?", "what does p mean?", "which images should I label next?", "how sure are you about F11?", "why?",
        "what can I do?", "delete the attribute lamp", "remove F11", "what is the difference between precision and recall?", "is there a shift?", "is the difference between bathroom and living room significant?",
        "are there blunders it makes while being 99 percent sure?",
        "it is overconfident about bedrooms, I'd say",
        "what have we got here?",
        "for what sort of pictures does it fail?",
    ],
)  # fmt: skip
def test_what_is_left_to_others(text: str, case: Case) -> None:
    assert said(case, text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "a" * 5_000,
        "so so so so " * 40,
        "\x00\x1b[31m",
        "what if " * 60,
        "{evidence} {0}",
        "🙂" * 50,
        "the requirement of " * 90 + "70 %",
    ],
)
def test_hostile_sentences_are_left_alone_at_once(text: str, case: Case) -> None:
    assert said(case, text) == "" and requirements.changed(case, text) is None


def test_names_of_the_data_can_not_write_templates(tmp_path: Path) -> None:
    case = opened(tmp_path)
    case.expect("accuracy", 0.9, at_least=True, by="{evidence}\x1b[31m")
    told = said(case, "who decided that?")
    assert "\x1b" not in told and "{evidence}" in told
    case.close()


def test_sentences_lose_what_people_say_around_them() -> None:
    assert (
        bare("Morning. OK so give it to me straight: can we ship this next week?")
        == "can we ship this next week"
    )
    assert bare("so was i right?") == "was i right" and bare("the gap is big, right?") == "the gap is big"
    assert bare("whats the verdict") == "what's the verdict" and bare("x" * 999) == ""


def test_the_planner_asks_advice_first(case: Case) -> None:
    made = answering.first_message(case, "which of the findings matters most?")
    assert not made.tool_calls and "At stake" in str(made.text)


def test_an_empty_case_promises_nothing(tmp_path: Path) -> None:
    like = rooms(tmp_path / "like")
    case = FakeCase(tmp_path / "case", like._tables, like._model)  # type: ignore[arg-type]
    assert (
        said(case, "what do I tell the board?") == "→ evaluate"
        and said(case, "can we ship it?") == "→ readiness"
    )
    assert said(case, "what are the biggest risks?") == "" and "Nobody has said yet" in said(
        case, "what did we agree on?"
    )
    assert "Nothing was changed" in said(case, "what changed?") and "no suspicion" in said(
        case, "was I right?"
    )
    assert said(case, "how did you get that number?") == said(case, "is that good?") == ""
    case.close()


def test_a_judgement_of_before_is_told_as_that(tmp_path: Path) -> None:
    """What was judged and then overtaken was judged all the same."""
    case = opened(tmp_path)
    verdict = judged(case.state())
    assert verdict is not None and not verdict.stale
    case.expect("accuracy", 0.5)
    told = said(case, "what do I tell the board? two sentences")
    assert f"was judged {verdict.verdict.replace('_', ' ')} [{verdict.evidence.id}], before" in told
    assert "was not judged" not in told
