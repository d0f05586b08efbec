"""Of which findings a sentence speaks, and whether an experiment decided them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

from failsight.agent.grounding.names import Names, gather
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import FindingRecord


def clause_of_verdict(at: Reading, where: int) -> Reading:
    """The part of a sentence that a verdict stands in, where that part names findings of its own."""
    cuts = [
        0,
        *(m.start() for m in re.finditer(r"; |, and | but | while | whereas |, (?=F\d)", at.part)),
        len(at.part),
    ]
    for start, end in itertools.pairwise(cuts):
        if start <= where < end and len(cuts) > 2:
            own = gather(at.mentions, at.sentence.start + start, at.sentence.start + end)
            if own.findings and at.whole.findings - own.findings:
                return replace(at, whole=own)
            apart = re.match(r"; ", at.part[start:]) or at.part[end : end + 1] == ";"
            if apart and own.attributes and at.whole.attributes - own.attributes:
                return replace(at, whole=own)
    return at


def by_experiment(record: FindingRecord) -> bool:
    """Whether an experiment (not only counting) confirmed a finding."""
    tests = record.finding.tests
    return record.finding.verdict == "confirmed" and any(
        t.tool.startswith("test_") and t.verdict == "confirmed" for t in tests
    )


def speaks_of(names: Names, whole: Names) -> bool:
    """Whether a finding is about what the sentence names: all attributes named, and a class that it knows."""
    if whole.attributes:
        if not whole.attributes <= names.attributes:
            return False
        if any((a, v) not in names.values for a, v in whole.values if a in names.attributes):
            return False
        return not whole.classes or not names.classes or bool(whole.classes & names.classes)
    return (
        bool(whole.classes & names.classes)
        and not names.attributes
        and not (whole.classes - names.classes and len(whole.classes) == 1)
    )
