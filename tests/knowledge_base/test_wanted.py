"""Rates that a sentence wants of a class: each number with the rate that it is of, on the side that is wanted."""

from __future__ import annotations

import pytest

from failsight.knowledge_base import details
from failsight.knowledge_base.details import digits
from failsight.knowledge_base.wanted import wanted
from failsight.tools.registry import registry


@pytest.mark.parametrize(
    ("sentence", "made"),
    [
        ("which threshold gives 95 % specificity?", {"specificity": 0.95}),
        ("at most 5 % false alarms", {"specificity": 0.95}),
        ("no more than five percent false positives", {"specificity": 0.95}),
        ("precision at least 90 %", {"precision": 0.9}),
        ("a ppv of at least 0.9", {"precision": 0.9}),
        ("a positive predictive value above 97,5 %", {"precision": 0.975}),
        ("FPR <= 1%", {"specificity": 0.99}),
        ("specificity of 95", {"specificity": 0.95}),
        ("misses at most one in twenty", {"recall": 0.95}),
        ("where must it lie so that 95 % of the lesions are caught?", {"recall": 0.95}),
        ("so that 90 % of the alarms are right", {"precision": 0.9}),
        ("at most 10 % of its alarms may be false", {"precision": 0.9}),
        ("at most 5 % of the healthy are flagged", {"specificity": 0.95}),
        ("at which cut-off do we catch 95 %?", {"recall": 0.95}),
        (
            "from which score on should i call a picture so, so that 95 % of the are right?",
            {"precision": 0.95},
        ),
        ("the precision of at night at least 95 %", {"precision": 0.95}),
        ("are 95 % of all right?", {}),
        # the number stands beside the rate that it is of
        ("specificity at 95 % sensitivity", {"recall": 0.95}),
        ("TPR at 1 % FPR", {"specificity": 0.99}),
        ("sensitivity 95 % and specificity 90 %", {"recall": 0.95, "specificity": 0.9}),
        ("95 % sensitivity, 90 % specificity", {"recall": 0.95, "specificity": 0.9}),
        ("recall above 90 % with false alarms below 10 %", {"recall": 0.9, "specificity": 0.9}),
        # numbers of something else
        ("precision at 8 % prevalence, threshold 0.2", {}),
        ("at a threshold of 0.3, what are the recall and precision", {}),
        ("what precision at 90 % recall and 5 % prevalence", {"recall": 0.9}),
        ("we can afford 5 false alarms", {}),
        # the other side is not wanted, but sought
        ("false positives over 0.9", {}),
        ("recall below 90 %", {}),
        ("misses at least 5 %", {}),
        ("sens/spec at different thresholds", {}),
        ("100 % false alarms", {}),
        ("precision 900 %", {}),
        ("recall of 0 in 0", {}),
        ("", {}),
    ],
)
def test_what_is_wanted(sentence: str, made: dict[str, float]) -> None:
    assert wanted(digits(sentence)) == made


def test_long_sentences_are_read_in_time() -> None:
    assert wanted(digits("at most 5 % of the " + "very " * 5000 + "precision")) == {}
    assert wanted("precision " * 3000 + "9" * 3000) == {}


def test_conditions_go_to_a_tool_as_it_takes_them() -> None:
    texts = {
        name
        for name, spec in registry().items()
        if "where" in (fields := spec.arguments.model_fields) and fields["where"].annotation is str
    }
    assert set(details._WHERE_IS_TEXT) == texts
