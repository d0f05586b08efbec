"""Practice cases with planted bugs: a world of drawn rooms, models trained on it, and answer keys.

Importing this package loads neither numpy nor torch; the functions do when they are called.
"""

from __future__ import annotations

from failsight.knowledge_base.cases.demo import DemoCase, list_cases, prepare_demo
from failsight.knowledge_base.cases.family import Answer, family_key, list_bugs, prepare_case
from failsight.knowledge_base.cases.key import answer_key, explain, explains

__all__ = [
    "Answer",
    "DemoCase",
    "answer_key",
    "explain",
    "explains",
    "family_key",
    "list_bugs",
    "list_cases",
    "prepare_case",
    "prepare_demo",
]
