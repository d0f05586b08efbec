"""The conversation: words and evidence cards, oldest first, kept at its end while new things come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from failsight.agent.ui.tui.messages import ShowEvidence
from failsight.agent.ui.tui.widgets.said import Line

if TYPE_CHECKING:
    from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard

MOST, SPARE = (
    160,
    40,
)  # entries kept on the screen, and how many leave at once; the evidence list keeps everything


def caches_of_lines(widgets: Iterable[Widget]) -> list[Any]:
    """What the drawn lines of ``widgets``, and of what is in them, are kept in.

    Textual memoises a method of each such cache and so holds the last thousand of them after their widgets: who removes a
    widget empties them, or a long conversation grows by a tenth of a megabyte a turn."""
    inside = (w for widget in widgets for w in widget.walk_children(with_self=True))
    return [cache for w in inside if hasattr(cache := getattr(w, "_styles_cache", None), "clear")]


class Conversation(VerticalScroll, can_focus=True):
    """Scrolls with the arrows; ``n`` and ``p`` go from card to card, Enter unfolds, ``e`` opens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "card(1)", "Next evidence card", show=False),
        Binding("p", "card(-1)", "Previous evidence card", show=False),
        Binding("enter,space", "unfold", "Unfold"),
        Binding("e", "open", "Open"),
        Binding("c", "copy", "Copy the evidence as text", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._card: EvidenceCard | None = None
        self._dropped = 0

    def compose(self) -> ComposeResult:
        # an anchored container scrolls short content to its bottom; this one is never shorter than what is seen
        yield Vertical(id="entries")

    def on_mount(self) -> None:
        self.anchor()

    @property
    def entries(self) -> Vertical:
        """What holds the words and cards, oldest first."""
        return self.query_one("#entries", Vertical)

    def follow(self) -> None:
        """Go to the end and stay there while new things come."""
        self.anchor()

    async def add(self, *entries: Widget) -> None:
        """Append entries; the oldest leave when there are too many."""
        held = self.entries
        await held.mount(*entries)
        if len(held.children) <= MOST + SPARE:
            return
        gone = list(held.children[: len(held.children) - MOST])
        self._dropped += sum(w.id != "dropped" for w in gone)
        caches = caches_of_lines(gone)
        await held.remove_children(gone)
        for cache in caches:
            cache.clear()
        note = Line(
            f"… {self._dropped} earlier entries: /evidence lists all evidence, /report tells all", "muted"
        )
        note.id = "dropped"
        await held.mount(note, before=0)

    @property
    def card(self) -> EvidenceCard | None:
        """The card under the cursor."""
        return self._card if self._card is not None and self._card.is_attached else None

    def select(self, card: EvidenceCard | None) -> None:
        """Put the cursor on ``card``."""
        if self._card is not None:
            self._card.remove_class("-cursor")
        self._card = card
        if card is not None:
            card.add_class("-cursor")
            self.scroll_to_widget(card, animate=False)

    def on_focus(self) -> None:
        if self.card is None:
            self.select(next(iter(self._cards()[-1:]), None))

    def _cards(self) -> list[EvidenceCard]:
        from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard

        return [w for w in self.entries.children if isinstance(w, EvidenceCard)]

    def action_card(self, step: int) -> None:
        """Move the cursor by ``step`` cards."""
        cards = self._cards()
        if not cards:
            return
        here = cards.index(self.card) if self.card in cards else len(cards)
        self.select(cards[max(0, min(len(cards) - 1, here + step))])

    def action_unfold(self) -> None:
        """Unfold or fold the card under the cursor."""
        if self.card is not None:
            self._toggle(self.card)

    def _toggle(self, card: EvidenceCard) -> None:
        self.anchor(False)  # who unfolds a card reads it: what comes meanwhile waits below
        card.expanded = not card.expanded

    def on_evidence_card_grown(self, event: EvidenceCard.Grown) -> None:
        event.stop()
        if event.card is self.card:
            self.scroll_to_widget(event.card, animate=False, top=event.card.expanded)

    def action_scroll_end(self) -> None:
        """Go to the end, and stay there again."""
        self.follow()

    def action_open(self) -> None:
        """Open the evidence under the cursor on a screen of its own."""
        if self.card is not None:
            self.post_message(ShowEvidence(self.card.evidence.id))

    def action_copy(self) -> None:
        """Copy the evidence under the cursor, as text, to the clipboard."""
        if self.card is not None:
            self.app.copy_to_clipboard(self.card.evidence.text(100_000))
            self.notify(f"Copied {self.card.evidence.id} as text", markup=False)

    def on_evidence_card_clicked(self, event: EvidenceCard.Clicked) -> None:
        event.stop()
        self.focus(scroll_visible=False)
        self.select(event.card)
        self._toggle(event.card)
