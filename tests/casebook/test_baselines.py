"""Methods of the literature: each finds what is plain to see, survives what it can't use, and is judged fairly."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmarks.casebook.baselines.answering import PlacedJudge, placed
from benchmarks.casebook.baselines.given import Columns, Given, columns_of
from benchmarks.casebook.baselines.methods import METHODS
from benchmarks.casebook.baselines.naming import Said, best_value, named
from benchmarks.casebook.baselines.spotlight import SpotlightSettings, spotlights
from benchmarks.casebook.keys import Planted, judged
from failsight.agent.commands.bench import METHODS as OFFERED
from failsight.tools.inputs.base import AttributeTable

N = 600


def stamped() -> Given:
    """Two classes; nearly all dogs with a stamp are called cats, hardly anything else is wrong; features show the stamp."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 2
    stamp, site = (rng.random(N) < 0.3).astype(int), rng.integers(0, 3, N)
    wrong = np.where((stamp == 1) & (labels == 1), rng.random(N) < 0.9, rng.random(N) < 0.04)
    right = np.where(wrong, 0.15, 0.85)
    scores = np.where(labels[:, None] == np.arange(2), right[:, None], 1 - right[:, None])
    features = rng.normal(0, 0.3, (N, 6))
    features[:, 0] += 2 * stamp
    features[:, 1] += 2 * labels
    columns = Columns(
        ("site", "stamp"), (("north", "south", "west"), ("no", "yes")), np.column_stack([site, stamp])
    )
    made = features.astype(np.float32)
    return Given(
        ("cat", "dog"),
        labels.astype(np.int64),
        scores.astype(np.float32),
        columns,
        lambda: made,
        lambda: made,
        None,
        True,
    )


def needs(name: str) -> None:
    """SliceLine is a package of its own, of the extra ``bench``."""
    if name == "sliceline":
        pytest.importorskip("sliceline")


@pytest.mark.parametrize("name", [n for n in METHODS if n != "confusion"])
def test_a_method_says_what_is_plain_to_see(name: str) -> None:
    needs(name)
    said = METHODS[name].answer(stamped())
    # Domino also shows the few other errors, which nothing goes with
    told = next(s for s in said if s.conditions)
    assert told.conditions == (("stamp", "yes"),), said
    assert told.class_name in ("", "dog" if name != "hibug" else "cat")


def test_the_confusion_matrix_says_its_largest_cell() -> None:
    assert METHODS["confusion"].answer(stamped()) == [Said((), "", "dog", "cat")]


def without(given: Given, **changes: Any) -> Given:
    return replace(given, **changes)


NO_COLUMNS = Columns((), (), np.zeros((N, 0), np.int64))
HOSTILE = {
    "one class": lambda g: without(g, classes=("cat",), labels=g.labels * 0, scores=np.ones((N, 1), np.float32)),
    "no attributes": lambda g: without(g, columns=NO_COLUMNS),
    "no model": lambda g: without(g, read_own=None, read_words=None),
    "nothing wrong": lambda g: without(g, scores=np.eye(2, dtype=np.float32)[g.labels]),
    "everything wrong": lambda g: without(g, scores=np.eye(2, dtype=np.float32)[1 - g.labels]),
    "no values": lambda g: without(g, columns=replace(g.columns, codes=np.full((N, 2), -1))),
    "features alike": lambda g: without(g, read_own=lambda: np.ones((N, 4), np.float32), read_words=None),
    "a handful": lambda g: without(
        g, labels=g.labels[:5], scores=g.scores[:5], columns=replace(g.columns, codes=g.columns.codes[:5]),
        read_own=lambda: np.ones((5, 4), np.float32), read_words=lambda: np.ones((5, 4), np.float32),
    ),
    "nothing at all": lambda g: without(
        g, labels=g.labels[:0], scores=g.scores[:0], columns=replace(g.columns, codes=g.columns.codes[:0]),
        read_own=lambda: np.ones((0, 4), np.float32), read_words=lambda: np.ones((0, 4), np.float32),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("how", HOSTILE)
def test_a_method_survives_what_it_can_make_nothing_of(name: str, how: str) -> None:
    given = HOSTILE[how](stamped())
    needs(name)
    for said in METHODS[name].answer(given):
        assert set(dict(said.conditions)) <= {"site", "stamp"} and said.class_name in ("", *given.classes)
        assert how != "nothing wrong" or name not in ("sliceline", "barlow", "confusion")


def test_the_command_offers_every_method_there_is() -> None:
    assert tuple(METHODS) == OFFERED


# -- words for groups ------------------------------------------------------------------------------------


def test_a_group_is_not_described_by_what_its_class_always_shows() -> None:
    given = stamped()
    tail = given.labels.copy()  # all dogs have a tail
    columns = Columns(("tail", "stamp"), (("no", "yes"), ("no", "yes")), np.column_stack([tail, given.columns.codes[:, 1]]))  # fmt: skip
    members = (given.labels == 1) & (given.columns.codes[:, 1] == 1)
    said = named(replace(given, columns=columns), members.astype(float))
    assert said == Said((("stamp", "yes"),), "", "dog")
    assert named(replace(given, columns=columns), (given.labels == 1).astype(float)) == Said((), "", "dog")


def test_a_value_is_named_only_where_it_clearly_goes_with_the_group() -> None:
    given = stamped()
    chance = (np.random.default_rng(1).random(N) < 0.2).astype(float)
    assert best_value(given.columns, given.labels, chance, 2) is None
    assert named(given, np.zeros(N)) == Said()


# -- the spotlight ---------------------------------------------------------------------------------------


def test_a_spotlight_lies_where_losses_are_high_and_holds_at_least_its_share() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.2, (400, 3))
    x[:40] += (3, 0, 0)
    x[40:80] += (0, 3, 0)
    losses = np.where(np.arange(400) < 40, 3.0, np.where(np.arange(400) < 80, 2.0, 0.1))
    first, second = spotlights(x, losses, SpotlightSettings(count=2))
    # 0.79 and 0.73 on one processor, more than 0.8 on another: a long descent carries their last digits along
    assert first[:40].sum() > 0.7 * first.sum() and second[40:80].sum() > 0.55 * second.sum()
    assert first.sum() >= 0.05 * 400 * 0.9 and first.max() == 1.0


def test_no_spotlight_without_losses() -> None:
    assert spotlights(np.zeros((50, 2)), np.zeros(50)) == []


# -- what a method is given ------------------------------------------------------------------------------


def test_training_pictures_are_coded_as_the_evaluation_pictures() -> None:
    tables = {
        "data": {"light": ["day", "night", "day"], "n": [1.0, 2.0, 3.0]},
        "train": {"light": ["night", "fog"]},
    }

    def attributes(split: str) -> AttributeTable:
        columns = {k: np.array(v, object if k == "light" else float) for k, v in tables[split].items()}
        n = len(next(iter(columns.values())))
        return AttributeTable(np.arange(n), columns, dict.fromkeys(columns, "metadata"), {})

    case = SimpleNamespace(attributes=attributes, splits=lambda: ("data", "train"), has_model=lambda: True)
    made = columns_of(case, np.ones(3, bool))
    assert made.names[0] == "light" and made.values[0] == ("day", "night")
    assert made.codes[:, 0].tolist() == [0, 1, 0]
    assert made.train is not None and made.train[:, 0].tolist() == [1, -1]  # fog was never seen here
    assert made.train[:, 1].tolist() == [-1, -1]  # unknown in training


def test_columns_of_the_training_pictures_of_a_black_box_are_used() -> None:
    column = np.array(["day", "night"], object)
    table = AttributeTable(np.arange(2), {"light": column}, {"light": "metadata"}, {})

    class Training:
        columns: ClassVar = {"light": ("night", "night", None)}

        def __len__(self) -> int:
            return 3

    case = SimpleNamespace(
        attributes=lambda split: table, splits=lambda: ("data", "train"), has_model=lambda: False, table=lambda split: Training()
    )  # fmt: skip
    made = columns_of(case, np.ones(2, bool))
    assert made.train is not None and made.train[:, 0].tolist() == [1, 1, -1]


# -- judgement -------------------------------------------------------------------------------------------

COPIES = Planted("copies", ("leakage",), "training pictures among the others")
CHANNELS = Planted("swapped_channels", ("preprocessing",), "fed wrongly", anything=True)
NOISE = Planted("pair_noise", ("label_noise",), "dogs labelled cats", classes=("cat", "dog"))
STAMP = Planted("mark", ("spurious_correlation",), "stamp", attribute="stamp", values=("yes",), whole=False)


class Holding:
    """A judge that finds everything else true of the reserve, or nothing."""

    def __init__(self, key: tuple[Planted, ...], holds: bool) -> None:
        self._key, self._holds = key, holds

    def __call__(self, said: Any) -> Any:
        return judged(said, self._key, {}, self.holds)

    def holds(self, said: Any) -> bool:
        return self._holds


def worth(said: dict[str, Any], *key: Planted, holds: bool = False) -> tuple[str, str]:
    case: Any = SimpleNamespace(plan=SimpleNamespace(key=key, implied={}))
    judge: Any = Holding(key, holds)
    made = PlacedJudge(case, judge)({"kind": "", "slice": {}, "class": None, "confused_with": None} | said)
    return made.judgement, made.bug


@pytest.mark.parametrize(
    ("said", "key", "holds", "judgement"),
    [
        ({"slice": {"stamp": "yes"}}, (STAMP,), False, ("right", "mark")),
        ({"slice": {"stamp": "yes"}}, (COPIES, STAMP), False, ("right", "mark")),
        ({"class": "dog"}, (COPIES,), False, ("false", "")),
        ({"class": "dog"}, (COPIES,), True, ("elsewhere", "")),
        ({"class": "dog"}, (COPIES, NOISE), False, ("right", "pair_noise")),
        ({"class": "bird"}, (NOISE,), False, ("false", "")),
        ({"class": "dog"}, (CHANNELS,), False, ("consequence", "swapped_channels")),
        ({"kind": "leakage"}, (COPIES,), False, ("right", "copies")),
    ],
)
def test_a_statement_without_a_kind_is_right_where_it_names_the_place_of_a_fault(
    said: dict[str, Any], key: tuple[Planted, ...], holds: bool, judgement: tuple[str, str]
) -> None:
    assert worth(said, *key, holds=holds) == judgement


def test_a_place_is_an_attribute_or_a_class() -> None:
    assert placed({"slice": {"stamp": "yes"}}, STAMP, {}) and not placed({"slice": {}}, STAMP, {})
    assert placed({"class": "cat"}, NOISE, {}) and not placed({"class": "cat"}, COPIES, {})
