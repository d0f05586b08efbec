"""What can be looked up in the app: the session's own words and evidence, and the glossary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failsight.agent.ui import glossary
from failsight.agent.ui.searching import Said, search
from failsight.agent.ui.tui.screens.lookup import LookupScreen, Row
from failsight.agent.ui.words import finding_line

if TYPE_CHECKING:
    from failsight.agent.learn.lessons import Lesson
    from failsight.agent.ui.tui.screens.learn import LearnScreen
    from failsight.agent.ui.tui.screens.main import MainScreen


def find_screen(main: MainScreen, asked: str) -> LookupScreen:
    """Search over what was said, measured and supposed so far."""
    said, evidence = [Said(*s) for s in main.said], dict(main.evidence)
    records = main.snapshot.records if main.snapshot else ()

    def detail(id_: str, text: str) -> str:
        if id_ in evidence:
            return evidence[id_].text(4_000)
        record = next((r for r in records if r.id == id_), None)
        return finding_line(record, 2_000) if record else text

    def find(words: str) -> list[Row]:
        found = search(words, said, evidence.values(), records)
        return [Row(f.line(), detail(f.id, f.text), f.id) for f in found]

    return LookupScreen("Search", find, asked, "Enter opens evidence and hypotheses")


def glossary_screen(asked: str) -> LookupScreen:
    """The words of the trade."""
    known: list[glossary.Term] = []

    def find(words: str) -> list[Row]:
        if not known:
            known.extend(glossary.terms())
        return [Row(t.title, _told(t)) for t in glossary.looked_up(words, known)]

    return LookupScreen("Glossary", find, asked, "up and down choose")


def _told(term: glossary.Term) -> str:
    also = f"\nAlso: {', '.join(term.aliases)}." if term.aliases else ""
    return f"{term.text}{also}\n{term.kind} · {term.source}"


def learn_screen(wanted: str) -> tuple[LearnScreen, Lesson | None]:
    """The screen of lessons, and the one that ``wanted`` names. Raises UserError for a name that there is not."""
    from failsight.agent.learn.command import lesson_named
    from failsight.agent.learn.progress import load_progress
    from failsight.agent.ui.tui.screens.learn import LearnScreen

    progress = load_progress()
    progress.level = progress.level or "novice"
    return LearnScreen(progress), lesson_named(wanted) if wanted else None
