"""Sentences that speak of what came before, by comparing, pointing or correcting it; what works; other uses; several wishes at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.planners.parted import parts
from tests.agent.followed_talk import animals, first, lesions, talk
from tests.fakes.case import FakeCase

Talk = list[tuple[str, list[str], list[str]]]
CAT, DOG, FOX, OWL = (f"count_images true={c} wrong" for c in ("cat", "dog", "fox", "owl"))
R_CAT, R_DOG, R_FOX, R_OWL = (f"count_images true={c} correct" for c in ("cat", "dog", "fox", "owl"))
#: sentence, the calls that are made for it (None of them: words alone), what the answer says
TALKS: list[Talk] = [
    [
        ("how many dogs are wrong?", [DOG], ["10 of 40"]),
        ("and foxes?", [FOX], ["20 of 40"]),
        ("which of the two is worse?", [DOG, FOX], ["fox does worse: wrong in 50.0 %", "dog 25.0 %"]),
        ("the other one?", [], ["Which is meant: dog or fox?"]),
        ("the first one", [], ["I understood dog"]),
    ],
    [
        ("how many owls are wrong", [OWL], ["2 of 40"]),
        ("compare that to cats", [OWL, CAT], ["It is not certain which does worse. cat: wrong in 10.0 %"]),
        ("is that more than for foxes?", [OWL, CAT, FOX], ["More for fox: wrong in 50.0 %"]),
    ],
    [
        ("whats the recall of fox", [R_FOX], ["20 of 40"]),
        ("is it lower than for owls?", [R_FOX, R_OWL], ["Yes. fox: right in 50.0 %"]),
        ("and the worse one?", [R_FOX, R_OWL], ["fox does worse"]),
    ],
    [
        ("whats the recall of owl", [R_OWL], ["38 of 40"]),
        ("is that worse than dogs?", [R_OWL, R_DOG], ["No. owl: right in 95.0 %"]),
        ("is that better then for the others", [R_OWL, R_DOG, R_CAT, R_FOX], ["owl"]),
    ],
    [
        ("what are dogs taken for?", ["confusion_matrix dog"], ["10 of 40"]),
        ("do the same for foxes", ["confusion_matrix fox"], ["20 of 40"]),
        ("wich one is worse", [DOG, FOX], ["fox does worse"]),
        ("both in deployment?", ["count_images deploy true=dog wrong", "count_images deploy true=fox wrong"], ["13 of 20"]),
        ("and which is better then?", ["count_images deploy true=dog wrong", "count_images deploy true=fox wrong"], ["dog does better: wrong in 15.0 %"]),
    ],
    [
        ("compare cats and foxes", ["compare_classes cat fox"], []),
        ("who is the worse one?", [R_CAT, R_FOX], ["fox does worse: right in 50.0 %"]),
        ("compare it with owls please", [R_CAT, R_FOX, R_OWL], ["fox does worse", "owl 95.0 %"]),
        ("the worst of those", [R_CAT, R_FOX, R_OWL], ["fox does worse"]),
        ("the best of them?", [R_CAT, R_FOX, R_OWL], ["It is not certain which does better. owl"]),
    ],
    [
        ("compare dogs and owls", ["compare_classes dog owl"], []),
        ("and at night?", ["count_images true=dog light=night correct", "count_images true=owl light=night correct"], ["dog does worse: right in 60.0 %"]),
    ],
    [
        ("is cat or dog worse?", [R_CAT, R_DOG], ["It is not certain which does worse. dog"]),
        ("which is worse, by night or by day?", ["disaggregate light"], ["Where light=night, 68.8 %", "Where light=day, 86.2 %"]),
    ],
    [
        ("show me wrong foxes", ["show_images fox wrong"], []),
        ("no i meant dogs", ["show_images dog wrong"], []),
        ("and the same for cats", ["show_images cat wrong"], []),
    ],
    [
        ("how many cats are wrong?", [CAT], ["4 of 40"]),
        ("no i meant foxes", [FOX], ["20 of 40"]),
        ("sorry, in deployment", ["count_images deploy true=fox wrong"], ["13 of 20"]),
        ("i meant at night", ["count_images deploy true=fox light=night wrong"], ["8 of 10"]),
        ("no, I meant the recall of owl", [R_OWL], ["38 of 40"]),
    ],
    [
        ("how many dogs are there?", ["data_statistics dog"], []),
        ("no i meant how many of them are wrong", [DOG], ["10 of 40"]),
    ],
    [
        ("what works?", ["evaluate"], ["Best on the evaluation images, by recall: owl 95.0 %", "cat 90.0 %"]),
        ("what is it strong at?", [], ["owl 95.0 %", "on the deployment images"]),
        ("how many images is that from?", [], []),
    ],
    [("which animals can it do?", ["evaluate"], ["Best on the evaluation images, by recall: owl 95.0 %"])],
    [
        ("is it safe to estimate the size of the herd from this?", [], ["is another task", "Not even its own task"]),
        ("can we use it to count birds", [], ["is another task", "cat, dog, fox and owl"]),
        ("would it work on drone videos?", [], ["Nothing here was measured on drone videos", "label about"]),
        ("does it also work for wolves", [], ["Nothing here was measured on wolves"]),
        ("can i use it for predicting the weather?", [], ["“predicting the weather” is another task"]),
    ],
    [
        ("what is the accuracy and how many images is that from?", ["evaluate"], ["1. *what is the accuracy*", "160 evaluation images and 80 deployment images"]),
        ("show me the worst class and tell me what to do about it", ["evaluate"], ["Worst on the evaluation images, by recall: fox 50.0 %", "2. *tell me what to do about it*"]),
    ],
    [("compare dogs and foxes, and also at night", ["compare_classes dog fox", "count_images true=dog light=night correct", "count_images true=fox light=night correct"], ["1. *compare dogs and foxes*", "2. *and at night*"])],
    [("evaluate, then show me wrong foxes and write the report", ["evaluate", "show_images fox wrong"], ["report.html", "3. *write the report*"])],
    [("how many cats are wrong and how many foxes are wrong?", [CAT, FOX], ["4 of 40", "20 of 40"]), ("which is worse", [CAT, FOX], ["fox does worse"])],
    [("which is worse?", [], ["I don't know which ones are to be compared."])],
    [("compare that to dogs", [], ["Nothing was asked about yet"])],
    [("how many cats are wrong?", [CAT], []), ("wich one is worse", [], ["I don't know which ones are to be compared."])],
]  # fmt: skip


@pytest.mark.parametrize("said", TALKS, ids=[t[0][0][:40] for t in TALKS])
def test_a_talk_goes_on_with_what_was_spoken_of(said: Talk, tmp_path: Path) -> None:
    case = animals(tmp_path / "case")
    made = talk(case, [text for text, _, _ in said])
    for (text, calls, told), (did, answer) in zip(said, made, strict=True):
        assert did == calls, f"{text} → {did}\n{answer}"
        for part in told:
            assert part in answer, f"{text} → {answer}"
    case.close()


def test_the_development_list_is_long_enough() -> None:
    assert sum(len(t) for t in TALKS) >= 55


MORE: list[Talk] = [
    [
        ("how many dogs are wrong?", [DOG], []),
        ("compare with foxes", [DOG, FOX], ["fox does worse: wrong in 50.0 %"]),
        ("by how much?", [DOG, FOX], ["The difference is +25.0 points [+3.8, +43.3] points"]),
        ("compare the two", ["compare_classes dog fox"], []),
    ],
    [
        ("how does accuracy vary with light?", ["find_slices light"], []),
        ("which is worse?", ["count_images light=day correct", "count_images light=night correct"], ["light=night does worse: right in 68.8 %"]),
        ("show me the second one", ["show_images light=night"], []),
    ],
    [
        ("does it do worse at night?", ["compare_group light=night"], ["Yes: that is confirmed"]),
        ("by how much?", [], ["+17.5 points", "[E1]"]),
        ("which one is worse", ["count_images light=night wrong", "count_images light!=night wrong"], ["light=night does worse"]),
    ],
    [
        ("show me wrong foxes and dogs", ["show_images fox wrong", "show_images dog wrong"], ["1. *show me wrong foxes*", "2. *show me wrong dogs*"]),
    ],
    [
        ("find slices, then show me wrong dogs", ["find_slices", "show_images dog wrong"], []),
        ("and what about foxes", ["show_images fox wrong"], []),
    ],
    [
        ("drop light", ["edit_attributes drop light"], []),
        ("no i meant site", ["edit_attributes restore light", "edit_attributes drop site"], ["site is put aside"]),
    ],
    [("I think it uses the light to say fox", [], ["about fox"]), ("no i meant dog", [], ["about dog"])],
]  # fmt: skip


@pytest.mark.parametrize("said", MORE, ids=[t[0][0][:40] for t in MORE])
def test_differences_several_pictures_and_corrected_changes(said: Talk, tmp_path: Path) -> None:
    test_a_talk_goes_on_with_what_was_spoken_of(said, tmp_path)


def test_of_two_classes_the_other_one_is_known(tmp_path: Path) -> None:
    case = lesions(tmp_path / "case")
    made = talk(case, ["how many benign are wrong?", "and the other one?", "which is worse?", "and the other one?", "show me the wrong ones"])  # fmt: skip
    assert [c for c, _ in made[:2]] == [
        ["count_images true=benign wrong"],
        ["count_images true=malignant wrong"],
    ]
    assert made[2][1].startswith("malignant does worse: wrong in 50.0 % [35.2, 64.8] %; benign 10.0 %")
    assert not made[3][0] and "Which is meant: benign or malignant?" in made[3][1]
    assert made[4][0] == ["show_images wrong"]
    case.close()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> FakeCase:
    return animals(tmp_path_factory.mktemp("followed") / "case")


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("evaluate, then find slices and write the report", ["evaluate", "find slices", "write the report"]),
        ("show me the worst class and tell me what to do about it", ["show me the worst class", "tell me what to do about it"]),
        ("what is the accuracy and how many images is that from?", ["what is the accuracy", "how many images is that from?"]),
        ("What is the accuracy? And which class is worst?", ["What is the accuracy", "which class is worst?"]),
        ("first evaluate it, after that please check the labels", ["first evaluate it", "please check the labels"]),
        ("compare kitchens and bedrooms, and also at night", ["compare kitchens and bedrooms", "and at night"]),
        ("compare dogs and foxes", ["compare dogs and foxes"]),
        ("show and explain the errors", ["show and explain the errors"]),
        ("check whether it uses the cat and is wrong with it", ["check whether it uses the cat and is wrong with it"]),
        ("does it look at the cat and the dog?", ["does it look at the cat and the dog?"]),
        ("I think it looks at the cat and is wrong then", ["I think it looks at the cat and is wrong then"]),
    ],
)  # fmt: skip
def test_a_sentence_is_parted_where_a_wish_of_its_own_begins(text: str, wishes: list[str]) -> None:
    assert parts(text) == wishes


def test_where_a_wish_is_asked_back_the_rest_waits_and_is_named(case: FakeCase) -> None:
    ((calls, answer),) = talk(case, ["mask the object and tell me how far the score falls"])
    assert (
        not calls and "Not done yet, say it when that is clear: “tell me how far the score falls”." in answer
    )


def test_what_was_declined_does_not_keep_back_the_next_wish(case: FakeCase) -> None:
    ((calls, answer),) = talk(case, ["retrain it and show me wrong owls"])
    assert "? retrain" in calls and "show_images owl wrong" in calls
    assert "1. *retrain it*" in answer and "2. *show me wrong owls*" in answer


@pytest.mark.parametrize(
    "text",
    [
        "what does it do well?", "where is it strong?", "what works?", "which animals can it do?", "what is it good at", "what are its strengths", "where does the model do well",
        "which classes does it recognise well?", "is there anything it does well?", "what can it do reliably?", "on what is it reliable?", "what's good about it?",
    ],
)  # fmt: skip
def test_what_it_does_well_is_its_best_classes(text: str, tmp_path: Path) -> None:
    made = animals(tmp_path / "case")
    ((calls, answer),) = talk(made, [text])
    assert calls == ["evaluate"] and answer.startswith("Best on the evaluation images, by recall: owl 95.0 % [83.5, 98.6] % of 40 and cat 90.0 %")  # fmt: skip
    assert "Best on the deployment images, by recall: owl" in answer
    ((calls, answer),) = talk(made, [text])  # from the record
    assert not calls and answer.startswith("Best on the evaluation images")
    made.close()


def test_groups_that_are_no_worse_are_told_with_their_evidence(tmp_path: Path) -> None:
    made = animals(tmp_path / "case")
    told = talk(made, ["evaluate", "how does accuracy differ between sites? compare them, with smallest effect of 20 points", "what does it do well?"])[-1][1]  # fmt: skip
    assert "No group of images was shown to do as well" in told or "site=" in told
    made.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("is it safe to estimate the herd size from this?", "“estimate the herd size” is another task"),
        ("can I use it to count birds?", "“count birds” is another task"),
        ("could we use this model for counting cars", "“counting cars” is another task"),
        ("is it good enough to diagnose rabies?", "“diagnose rabies” is another task"),
        ("would it be ok to price the pelts with it?", "“price the pelts” is another task"),
        ("would it work on outdoor photos?", "Nothing here was measured on outdoor photos"),
        ("does it work for wolves?", "Nothing here was measured on wolves"),
        ("can we use it on x-rays", "Nothing here was measured on x-rays"),
        ("will it generalise to drawings?", "Nothing here was measured on drawings"),
    ],
)
def test_another_use_is_told_what_was_measured_and_what_to_test(text: str, told: str, case: FakeCase) -> None:
    answer = first(case, text)
    assert answer.startswith(told) and "cat, dog, fox and owl" in answer and "To know it" in answer


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("can I use it for production?", "evaluate deploy"),
        ("is it safe to use?", "readiness"),
        ("can we use it?", "readiness"),
        ("does it work in deployment?", "evaluate deploy"),
        ("would it work at night?", "compare_group light=night"),
        ("can I use it to recognise owls?", "count_images true=owl correct"),
    ],
)
def test_the_use_that_the_case_is_about_is_measured(text: str, call: str, case: FakeCase) -> None:
    assert first(case, text) == call
