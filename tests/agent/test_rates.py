"""Demands in the words of medicine and inspection, and on groups of images: what is noted, what is asked, what is refused."""

from __future__ import annotations

import pytest

from failsight.agent.people.expect import read, read_all
from failsight.agent.planners import rates
from failsight.agent.planners.wishes import parse_bounds, parse_wishes
from failsight.knowledge_base.two_classes import part_of_positive, positive, side
from failsight.knowledge_base.vocabulary import Vocabulary
from failsight.tools.errors import UserError

SCANS = ("kein Befund", "Läsion verdächtig")
COLUMNS = {
    "site": ["Nord", "Ost", "Süd"],
    "age": ["59", "70", "unbekannt"],
    "sex": ["F", "M", "k. A."],
    "patient": ["p1", "p2"],
    "ward": ["A", "B", "Nord"],
}
HOSPITAL = Vocabulary(classes=SCANS, attributes=COLUMNS)
ROOMS = ("kitchen", "bedroom", "dining_room")
HOUSES = Vocabulary(
    classes=ROOMS,
    attributes={"lighting": ["dark", "bright"], "television": ["yes", "no"]},
    objects=["television"],
)


@pytest.mark.parametrize(
    ("classes", "sought"),
    [
        (("kein Befund", "Läsion verdächtig"), "Läsion verdächtig"),
        (("no_defect", "defect"), "defect"),
        (("ok", "not_ok"), "not_ok"),
        (("abnormal", "normal"), "abnormal"),
        (("benign", "malignant"), "malignant"),
        (("HealthyLeaf", "SickLeaf"), "SickLeaf"),
        (("Healthy", "zebra"), "zebra"),
        (("no", "yes"), "yes"),
        (("cat", "dog"), None),
        (("0", "1"), None),
        (("lesion", "defect"), None),
        (("normal", "healthy"), None),
        (("normal", "lesion", "defect"), None),
        ((), None),
    ],
)
def test_which_of_two_classes_is_looked_for_is_told_by_their_names_or_not_at_all(
    classes: tuple[str, ...], sought: str | None
) -> None:
    assert positive(classes) == sought


def test_a_word_that_denies_turns_what_it_denies() -> None:
    assert [side(n) for n in ("defect", "no defect", "not ok", "ok", "without lesion", "defect ok", "")] == [1, -1, 1, -1, -1, 0, 0]  # fmt: skip


def test_a_part_of_the_name_of_what_is_looked_for_speaks_of_it() -> None:
    assert part_of_positive("the missed lesions", SCANS) == (11, 18)
    assert part_of_positive("alle Läsionen", SCANS) == (5, 13)
    assert part_of_positive("the missed kittens", SCANS) is None
    assert part_of_positive("the lesions", ("cat", "dog")) is None


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("sensitivity at least 90 % and specificity at least 85 %", ["recall.Läsion verdächtig ≥ 90 %", "recall.kein Befund ≥ 85 %"]),
        ("sensitivity and specificity must be at least 90 %", ["recall.Läsion verdächtig ≥ 90 %", "recall.kein Befund ≥ 90 %"]),
        ("sensitivity for patients at least 90 %", ["recall.Läsion verdächtig ≥ 90 %"]),
        ("sensitivity of Läsion verdächtig at least 80 %", ["recall.Läsion verdächtig ≥ 80 %"]),
        ("specificity of Läsion verdächtig at least 80 %", ["recall.kein Befund ≥ 80 %"]),
        ("the sensitivity must never fall below 90 %", ["recall.Läsion verdächtig ≥ 90 %"]),
        ("at least 90 % sensitivity", ["recall.Läsion verdächtig ≥ 90 %"]),
        ("sensitivity>=0.9", ["recall.Läsion verdächtig ≥ 90 %"]),
        ("miss rate below 10 %", ["recall.Läsion verdächtig ≥ 90 %"]),
        ("miss at most 5 % of the lesions", ["recall.Läsion verdächtig ≥ 95 %"]),
        ("at least 95 % of the lesions must be found", ["recall.Läsion verdächtig ≥ 95 %"]),
        ("false alarm rate at most 12 %", ["recall.kein Befund ≥ 88 %"]),
        ("PPV at least 50 %", ["precision.Läsion verdächtig ≥ 50 %"]),
        ("NPV at least 99 %", ["precision.kein Befund ≥ 99 %"]),
        ("sensitivity at Ost at least 80 %", ["recall.Läsion verdächtig[site=Ost] ≥ 80 %"]),
        ("recall of Läsion verdächtig at least 95 % at site Süd", ["recall.Läsion verdächtig[site=Süd] ≥ 95 %"]),
        ("sensitivity for women over 70 at least 80 %", ["recall.Läsion verdächtig[sex=F&age>70] ≥ 80 %"]),
        ("accuracy for children at least 80 %", ["accuracy[age<18] ≥ 80 %"]),
        ("accuracy on ward A at least 80 %", ["accuracy[ward=A] ≥ 80 %"]),
        ("accuracy at site Nord at least 80 %", ["accuracy[site=Nord] ≥ 80 %"]),
        ("accuracy at Ost and Süd at least 80 %", ["accuracy[site=Ost] ≥ 80 %", "accuracy[site=Süd] ≥ 80 %"]),
        ("accuracy at each site at least 80 %", ["accuracy[site=Nord] ≥ 80 %", "accuracy[site=Ost] ≥ 80 %", "accuracy[site=Süd] ≥ 80 %"]),
        ("missing a Läsion verdächtig costs 20", ["cost.Läsion verdächtig>kein Befund = 20"]),
        ("taking Läsion verdächtig for kein Befund costs 20", ["cost.Läsion verdächtig>kein Befund = 20"]),
        ("missing a lesion costs 20", ["cost.Läsion verdächtig>kein Befund = 20"]),
        ("a miss costs 20", ["cost.Läsion verdächtig>kein Befund = 20"]),
        ("a false alarm costs 2", ["cost.kein Befund>Läsion verdächtig = 2"]),
    ],
)  # fmt: skip
def test_demands_of_a_hospital_are_noted(text: str, noted: list[str]) -> None:
    made, doubt = parse_wishes(text, SCANS, HOSPITAL)
    assert [str(one) for one in made] == noted and not doubt


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("sensitivity of kitchen at least 90 %", ["recall.kitchen ≥ 90 %"]),
        ("recall of kitchens at least 90 %", ["recall.kitchen ≥ 90 %"]),
        ("detection rate of kitchen and bedroom at least 90 %", ["recall.kitchen ≥ 90 %", "recall.bedroom ≥ 90 %"]),
        ("hit rate of dining room above 80 %", ["recall.dining_room ≥ 80 %"]),
        ("miss rate of kitchen at most 10 %", ["recall.kitchen ≥ 90 %"]),
        ("recall of kitchen at least 80 % in the dark", ["recall.kitchen[lighting=dark] ≥ 80 %"]),
        ("recall of kitchen with a television at least 80 %", ["recall.kitchen[television=yes] ≥ 80 %"]),
        ("missing a kitchen costs 5", ["cost.kitchen>bedroom = 5", "cost.kitchen>dining_room = 5"]),
    ],
)  # fmt: skip
def test_in_a_case_of_many_classes_a_rate_is_of_the_class_that_is_named(text: str, noted: list[str]) -> None:
    made, doubt = parse_wishes(text, ROOMS, HOUSES)
    assert [str(one) for one in made] == noted and not doubt


def test_a_demand_on_each_of_very_many_groups_is_refused_and_not_cut_short() -> None:
    many = Vocabulary(classes=SCANS, attributes={"patient": [f"p{i}" for i in range(40)]})
    made, doubt = parse_wishes("sensitivity per patient at least 90 %", SCANS, many)
    assert not made and "patient has more than 24 values" in doubt


def test_how_a_word_was_taken_and_who_asks_is_kept_for_each_demand() -> None:
    made, _ = parse_wishes("sensitivity and specificity at least 90 %, says Dr. Müller", SCANS, HOSPITAL)
    assert [one.by for one in made] == ["Dr. Müller"] * 2
    assert [one.heard for one in made] == [
        "The sensitivity is the recall of Läsion verdächtig.",
        "The specificity is the recall of kein Befund.",
    ]
    patients, _ = parse_wishes("sensitivity for patients at least 90 %", SCANS, HOSPITAL)
    assert patients[0].heard.endswith("Pictures are counted, not patients.")


@pytest.mark.parametrize(
    ("text", "classes", "names", "said"),
    [
        ("sensitivity at least 90 %", ROOMS, HOUSES, "there are 3"),
        ("sensitivity at least 90 %", ("cat", "dog"), None, "do not tell which"),
        ("specificity of kitchen at least 90 %", ROOMS, HOUSES, "no measure known here"),
        ("NPV at least 90 %", ROOMS, HOUSES, "no measure known here"),
        ("accuracy at least 80 % for women", ROOMS, HOUSES, "“women”"),
        ("accuracy at Nord at least 80 %", SCANS, HOSPITAL, "“Nord”"),  # a site and a ward
        ("accuracy at site Mars must be at least 90 %", SCANS, HOSPITAL, "“site Mars”"),
    ],
)
def test_what_can_not_be_told_is_asked_and_nothing_noted(
    text: str, classes: tuple[str, ...], names: Vocabulary | None, said: str
) -> None:
    made, doubt = parse_wishes(text, classes, names)
    assert not made and said in doubt and "nothing was noted" in doubt


@pytest.mark.parametrize(
    "text",
    [
        "what is the sensitivity?",
        "is the sensitivity at Ost above 80 %?",
        "the sensitivity dropped below 80 %",
        "sensitivity " * 2_000 + "at least 90 %",
        "at least 90 % " * 2_000,
        "missing " + "a " * 5_000 + "costs 20",
        "a miss",
        "",
    ],
)
def test_questions_observations_and_very_long_texts_are_no_demands(text: str) -> None:
    assert parse_wishes(text, SCANS, HOSPITAL) == ([], "")


def test_a_class_that_is_called_like_a_rate_is_a_class() -> None:
    made = parse_bounds("recall of sensitivity at least 90 %", ("sensitivity", "other"))
    assert [str(one) for one in made] == ["recall.sensitivity ≥ 90 %"]


def test_the_command_line_takes_a_rate_where_it_is_unambiguous_and_says_what_to_write_where_not() -> None:
    assert str(read("sensitivity>=0.9", SCANS)) == "recall.Läsion verdächtig ≥ 90 %"
    with pytest.raises(UserError, match="there are 3") as problem:
        read("sensitivity>=0.9", ROOMS)
    assert "recall.CLASS" in str(problem.value)
    with pytest.raises(UserError, match="2 demands"):
        read("sensitivity and specificity>=0.9", SCANS)
    assert len(read_all("sensitivity and specificity>=0.9", SCANS)) == 2
    with pytest.raises(UserError, match="not a measure"):
        read("nonsense>=0.9", SCANS)


def test_two_rates_under_one_bound_are_two_clauses() -> None:
    assert rates.apart("sensitivity, specificity and PPV >= 0.9") == [
        "sensitivity >= 0.9",
        "specificity >= 0.9",
        "PPV >= 0.9",
    ]
    assert rates.read("recall at least 90 %", SCANS) is None
