"""``python -m failsight.knowledge_base.coverage [FILE]``: which question of the bank is answered by what.

Writes ``docs/coverage.md``. With ``--check`` it writes nothing and exits 1 when the file is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from failsight.knowledge_base.elicitation import forms
from failsight.knowledge_base.schema import TOPICS, Entry
from failsight.knowledge_base.store import HERE, shipped

FILE: Final = HERE.parent / "docs" / "coverage.md"


def installed_tools() -> frozenset[str]:
    """Names of the tools that exist, from the entry points alone (nothing of them is imported)."""
    return frozenset(point.name for point in entry_points(group="failsight.tools"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a question: existing tools in full, existing tools in part, a form (or empty), tools to come."""

    tools: tuple[str, ...]
    partly: tuple[str, ...]
    form: str
    later: tuple[str, ...]


def answer(question: Entry, tools: Collection[str]) -> Answer:
    """What answers ``question`` when ``tools`` exist."""
    calls = question.extra["calls"]
    full = tuple(dict.fromkeys(c["tool"] for c in calls if c["tool"] in tools and not c.get("partly")))
    partly = tuple(dict.fromkeys(c["tool"] for c in calls if c["tool"] in tools and c["tool"] not in full))
    later = tuple(dict.fromkeys(c["tool"] for c in calls if c["tool"] not in tools))
    return Answer(full, partly, str(question.extra.get("form", "")), later)


def table(tools: Collection[str]) -> str:
    """The coverage table as Markdown."""
    questions = [entry for entry in shipped() if entry.kind == "question"]
    from_paper = [q for q in questions if q.extra.get("table4")]
    rows = [_row(q, tools) for topic in TOPICS for q in questions if q.topic == topic]
    answers = [answer(q, tools) for q in questions]
    measured = sum(bool(a.tools) for a in answers)
    by_form = sum(not a.tools and bool(a.form) for a in answers)
    open_ones = len(questions) - measured - by_form
    head = [
        "# Who answers which question",
        "",
        "Every question of the failure-handling question bank (Balayn et al., CHI 2023, Table 4; compound rows split;",
        "the data questions that its first row takes over from the XAI question bank included), and a few of our own,",
        "with what answers it in this version. Made by `python -m failsight.knowledge_base.coverage`; do not edit.",
        "",
        f"{len(questions)} questions, {len(from_paper)} of them from Table 4: **{measured} answered by a tool**,",
        f"**{by_form} by an elicitation form** (some of them with a tool that throws light on it),",
        f"**{open_ones} not answered**.",
        "△ marks those for which the paper knows no established technical answer.",
        "",
        "| id | question | Table 4 | answered by | in part by | form | tools to come |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, "", *_form_table(), ""])


def _row(question: Entry, tools: Collection[str]) -> str:
    made = answer(question, tools)
    mark = " △" if question.extra.get("open_in_paper") else ""
    cells = [
        f"`{question.id}`",
        question.title.replace("|", "/") + mark,
        str(question.extra.get("table4", "ours")),
        _code(made.tools) or ("form" if made.form else "**not answered**"),
        _code(made.partly),
        made.form,
        _code(made.later),
    ]
    return f"| {' | '.join(cells)} |"


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _form_table() -> list[str]:
    lines = ["## Elicitation forms", "", "| form | asked of | what it finds out |", "|---|---|---|"]
    return lines + [f"| {f.id} | {f.ask.replace('_', ' ')} | {f.title} |" for f in forms().values()]


def main(arguments: Sequence[str] = ()) -> int:
    """Write or check the table."""
    given = [a for a in arguments if a != "--check"]
    file = Path(given[0]) if given else FILE
    text = table(installed_tools())
    if "--check" in arguments:
        current = file.read_text(encoding="utf-8") if file.is_file() else ""
        if current != text:
            print(
                f"{file.name} is out of date: run python -m failsight.knowledge_base.coverage",
                file=sys.stderr,
            )
            return 1
        return 0
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
