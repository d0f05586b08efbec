"""Facts and tables of evidence, as a notebook asks for them."""

from __future__ import annotations

import pytest

from failsight.tools.evidence import Evidence, Fact, Table

MADE = Evidence(
    "evaluate",
    "t",
    "s",
    facts=(
        Fact("recall", 0.5, "share", "class cat"),
        Fact("recall", 0.6, "share", "class dog"),
        Fact("recall", 0.7, "share", "split train"),
        Fact("recall", 0.8, "share", "group dog"),
        Fact("accuracy", 0.9, "share"),
    ),
)


def test_a_fact_is_found_by_the_bare_name_of_its_class() -> None:
    assert MADE.fact("recall", "cat") is MADE.fact("recall", "class cat") is MADE.facts[0]
    assert MADE.fact("accuracy").value == 0.9


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("recall", "cow"), "no fact 'recall' of 'cow' in evaluate; there is 'recall' of 'class cat'"),
        (("recall", "dog"), "'class dog'"),  # a class and a group: which is meant is not guessed
        (("recall",), "there is 'recall' of 'class cat'"),
        (("acuracy",), "no fact 'acuracy' in evaluate; there are accuracy"),
        (("zzz",), "there are recall, accuracy"),
    ],
)
def test_a_fact_that_is_not_there_names_those_that_are(asked: tuple[str, ...], words: str) -> None:
    with pytest.raises(KeyError) as missing:
        MADE.fact(*asked)
    assert words in str(missing.value)


def test_a_table_becomes_a_data_frame() -> None:
    import pandas

    made = Table("t", ("class", "recall"), (("cat", 0.5), ("dog", None))).to_dataframe()
    assert isinstance(made, pandas.DataFrame) and list(made.columns) == ["class", "recall"]
    assert made["recall"][0] == 0.5 and made["recall"].isna().tolist() == [False, True]
