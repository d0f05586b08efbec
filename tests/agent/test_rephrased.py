"""Ways of speaking that are put into the words of the other readers, and qualities as conditions on recorded numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from failsight.agent.planners import qualities, rephrased
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.session import Session
from failsight.knowledge_base.short_names import short_names
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

CLASSES = ("kaiser_roll", "poppy_roll", "pretzel")
N = 600


def belt() -> FakeTable:
    rng = np.random.default_rng(0)
    columns = {
        "humidity": rng.integers(40, 95, N).tolist(),
        "inspector": rng.choice(["Petra", "Marco", "Silke"], N).tolist(),
        "tray_position": rng.integers(1, 9, N).tolist(),
        "shift": rng.choice(["day", "night"], N).tolist(),
    }
    return FakeTable(rng.integers(0, 255, (N, 4, 4, 3)), rng.integers(0, 3, N), CLASSES, columns)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCase]:
    model = FakeModel(lambda x: x.mean((1, 2)), CLASSES, (4, 4))
    made = FakeCase(tmp_path_factory.mktemp("belt") / "case", {"data": belt()}, model)
    yield made
    made.close()


ABOUT_HUMIDITY = [
    Turn("from which humidity on is it bad", (Act("find_slices", {"attributes": ("humidity",)}, "E1"),))
]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("Marco says it's the shift", "it's the shift"),
        ("Marco is often wrong on pretzels", "Marco is often wrong on pretzels"),
        ("how many did Marco get wrong", "how many did Marco get wrong"),
        ("show me the ones Petra called kaiser and the machine says pretzel", "show me kaiser with inspector=Petra called pretzel"),
        ("i dont trust petra with the kaisers, show me the ones she called kaiser", "show me kaiser with inspector=Petra"),
        ("i don't trust this model", "i don't trust this model"),
        ("where the camera thinks it's a pretzel", "called pretzel"),
        ("what makes the model say pretzel?", "what makes the model say pretzel?"),
        ("when its sure, lets say over 90, how often is it wrong then", "when its sure, lets say over 90 % sure, how often is it wrong then"),
        ("could it sort everything over 85 alone", "could it sort everything over 85 % sure alone"),
        ("how many trays over 90 are wrong", "how many trays over 90 are wrong"),
        ("answers above 80 % sure stay", "answers above 80 % sure stay"),
        ("what about the tray position, the edges get darker", "what about the tray position"),
        ("what about the tray position, is it worse at night?", "what about the tray position, is it worse at night?"),
        ("who inspected these, do they all label the same", "do the inspectors label differently?"),
        ("write me three sentences for the supplier", "summarise it in three sentences"),
        ("what do I tell the supplier on the phone, three sentences, no greek", "summarise it in three sentences"),
        ("is it fair to women?", "is it fair to women?"),
        ("and how many go to the women on the belt", "and how many go to people"),
    ],
)  # fmt: skip
def test_the_wording_changes_only_where_it_is_sure(case: FakeCase, said: str, read: str) -> None:
    assert rephrased.plainly(case, said, []) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("how many pretzels is that, above 70, and how many of them wrong", "how many pretzels is that, with humidity above 70, and how many of them wrong"),
        ("how many pretzels have a tray position above 3", "how many pretzels have a tray position above 3"),
        ("is it above 90 % sure on those", "is it above 90 % sure on those"),
    ],
)  # fmt: skip
def test_a_limit_without_a_column_is_of_the_one_spoken_of(case: FakeCase, said: str, read: str) -> None:
    assert rephrased.plainly(case, said, ABOUT_HUMIDITY) == read
    assert rephrased.plainly(case, said, []) == said


def test_a_quality_is_the_third_of_the_recorded_number(case: FakeCase) -> None:
    values = sorted(case.table().columns["humidity"])
    top = int(np.quantile(values, 2 / 3, method="inverted_cdf"))
    low = int(np.quantile(values, 1 / 3, method="inverted_cdf"))
    assert rephrased.plainly(case, "is it worse when it's damp?", []) == f"is it worse with humidity>={top}?"
    assert rephrased.plainly(case, "is it worse on very dry days?", []).startswith(
        f"is it worse on with humidity<={low}"
    )
    assert rephrased.plainly(case, "is it worse when the humidity is over 80 and it's damp?", []).endswith(
        "it's damp?"
    )
    for other in (
        "is it worse when it's hot?",
        "a damp squib",
        "does moisture matter?",
    ):  # no column of it; said of nothing; no quality
        assert rephrased.plainly(case, other, []) == other


def test_what_a_quality_was_taken_for_is_said(case: FakeCase) -> None:
    said = [
        str(e.text)
        for e in Session(case).say("how many pretzels are wrong when it's damp?")
        if hasattr(e, "text")
    ]
    (told,) = [t for t in said if "is taken as" in t]
    assert "“damp” is taken as humidity >= " in told and "the third of the pictures" in told
    assert not qualities.assumed(case, "how many are wrong when it's damp?", "['shift=night']")


def test_one_word_stands_for_a_class_of_two_where_it_tells() -> None:
    def short(*names: str, others: tuple[str, ...] = ()) -> dict[str, str]:
        return short_names({n: tuple(n.split("_")) for n in names}, others)

    assert short("kaiser_roll", "poppy_roll") == {"kaiser": "kaiser_roll", "poppy": "poppy_roll"}
    assert short("living_room", "dining_room") == {}  # "living" is no room
    assert short("diabetic_foot", "pressure_ulcer") == {"diabetic": "diabetic_foot"}
    assert short("kaiser_roll", "kaiser_bun") == {}
    assert short("kaiser_roll", "poppy_roll", others=("kaiser",)) == {"poppy": "poppy_roll"}


def test_what_nobody_looked_at_is_told_as_the_report_does(case: FakeCase) -> None:
    for said in ("what did you not look at?", "what do we still not know", "what haven't you tested yet"):
        (told,) = [
            str(e.text)
            for e in Session(case).say(said)
            if hasattr(e, "text") and "nobody looked at" in str(e.text)
        ]
        assert "- The training images were not given" in told and "Tools that did not run: " in told
    other = [
        str(e.text) for e in Session(case).say("what does it not know about pretzels?") if hasattr(e, "text")
    ]
    assert not any("nobody looked at" in t for t in other)
