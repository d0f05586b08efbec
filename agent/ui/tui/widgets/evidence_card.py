"""A piece of evidence in the conversation: headline and summary; Enter unfolds tables, pictures and notes."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from textual import events, work
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from failsight.agent.ui.once import CLAIMS
from failsight.agent.ui.pictures import Album
from failsight.agent.ui.renderables import Pictures, evidence_body, headline
from failsight.agent.ui.words import look_here
from failsight.tools.evidence import Evidence
from failsight.tools.text import clean, counted

STATEMENT = 700  # characters of a hypothesis: what is claimed must not end in the middle of a number
ROWS = 12  # rows of a table, and values, that a card shows; the evidence screen shows all


class Decoded(Message):
    """Thumbnails of ``evidence``, posted from the thread that decoded them."""

    def __init__(self, evidence: Evidence, pictures: Pictures) -> None:
        super().__init__()
        self.evidence, self.pictures = evidence, pictures


class EvidenceCard(Static):
    """One widget a card, so that a thousand of them stay light; what is folded is not rendered."""

    expanded: reactive[bool] = reactive(False, init=False)

    class Grown(Message):
        """The card was unfolded, folded, or pictures came: it has its new size."""

        def __init__(self, card: EvidenceCard) -> None:
            super().__init__()
            self.card = card

    class Clicked(Message):
        """The card was clicked."""

        def __init__(self, card: EvidenceCard) -> None:
            super().__init__()
            self.card = card

    def __init__(self, evidence: Evidence, album: Album, *, reused: bool = False) -> None:
        self.evidence, self.album, self.reused = evidence, album, reused
        self._pictures: Pictures | None = None
        self._growing = False
        super().__init__(self._folded(), markup=False)

    def _folded(self) -> Content:
        made = self.evidence
        tail = " · measured before" if self.reused else ""
        parts: list[Content | str | tuple[str, str]] = [
            ("▸ ", "$text-accent"),
            (headline(made), "bold"),
            (f"  {made.tool}{tail}", "dim"),
            f"\n{made.summary}",
        ]
        for finding in made.findings[:CLAIMS]:
            look = look_here(finding)
            parts += ["\n", (f"{look.symbol} {look.word} ", look.theme), clean(finding.statement, STATEMENT)]
        if len(made.findings) > CLAIMS:
            parts.append(
                (f"\n… {counted(len(made.findings) - CLAIMS, 'more hypothesis', 'more hypotheses')}", "dim")
            )
        inside = self._inside()
        if inside:
            parts.append((f"\n{inside}", "dim"))
        return Content.assemble(*parts)

    def _inside(self) -> str:
        """``2 tables, 1 figure, 4 images``: what unfolding shows."""
        made = self.evidence
        counts = ((len(made.tables), "table"), (len(made.figures), "figure"), (len(made.images), "image"))
        return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n)

    def _unfolded(self) -> Group:
        made = self.evidence
        head = Text.assemble(("▾ ", "cyan"), (headline(made), "bold"), (f"  {made.tool}", "dim"))
        return Group(head, Text(made.summary), evidence_body(made, self._pictures, ROWS))

    def watch_expanded(self, expanded: bool) -> None:
        """Fold or unfold; pictures are decoded once, away from the screen's thread."""
        self._growing = True
        self.set_class(expanded, "-open")  # its tables need the room
        self.update(self._unfolded() if expanded else self._folded())
        if expanded and self._pictures is None and (self.evidence.figures or self.evidence.images):
            self._decode(max(20, min(60, self.size.width - 4)))

    @work(thread=True, group="pictures", exit_on_error=False)
    def _decode(self, columns: int) -> None:
        pictures = self.album.load(self.evidence, columns, 14)
        self.post_message(Decoded(self.evidence, pictures))

    def on_decoded(self, message: Decoded) -> None:
        """The pictures are there."""
        message.stop()
        self._pictures = message.pictures
        if self.expanded and self._pictures:
            self._growing = True
            self.update(self._unfolded())

    def on_resize(self) -> None:
        if self._growing:
            self._growing = False
            self.post_message(self.Grown(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Clicked(self))
