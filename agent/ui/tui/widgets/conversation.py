"""The conversation: words and evidence cards, oldest first, kept at its end while new things come.

Everything stays in it, as words and evidence (``entries.py``). Widgets are made of what is near the place that is looked
at, and leave when they are far from it: a conversation of hundreds of turns stays as light as a short one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from failsight.agent.ui.tui.entries import Entry, Measured, Words
from failsight.agent.ui.tui.messages import ShowEvidence
from failsight.agent.ui.tui.widgets.said import More, PersonSays, PlannerSays

if TYPE_CHECKING:
    from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard
    from failsight.tools.evidence import Evidence

    Foldable = EvidenceCard | PlannerSays

MOST, SPARE = 60, 20  # entries that have widgets, and how many more there may be before some leave
STEP = 20  # entries that get widgets at once when one scrolls to where there are none


def caches_of_lines(widgets: Iterable[Widget]) -> list[Any]:
    """What the drawn lines of ``widgets``, and of what is in them, are kept in.

    Textual memoises a method of each such cache and so holds the last thousand of them after their widgets: who removes a
    widget empties them, or a long conversation grows by a tenth of a megabyte a turn."""
    inside = (w for widget in widgets for w in widget.walk_children(with_self=True))
    return [cache for w in inside if hasattr(cache := getattr(w, "_styles_cache", None), "clear")]


class Conversation(VerticalScroll, can_focus=True):
    """Scrolls with the arrows; with Shift they go from card to card. Enter unfolds, Ctrl+O opens.

    No letter is a key here: whoever begins to type means the question line (:meth:`MainScreen.on_key`).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+down,ctrl+down", "card(1)", "Next card or long answer", show=False),
        Binding("shift+up,ctrl+up", "card(-1)", "Previous card or long answer", show=False),
        Binding("enter,space", "unfold", "Unfold"),
        Binding("ctrl+o", "open", "Open"),
        Binding("ctrl+y", "copy", "Copy the evidence as text", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._kept: list[Entry] = []
        self._first = 0  # place of the first entry that has a widget
        self._place: int | None = None  # place of the card under the cursor
        self._moving = False

    def compose(self) -> ComposeResult:
        # an anchored container scrolls short content to its bottom; this one is never shorter than what is seen
        yield Vertical(id="entries")

    def on_mount(self) -> None:
        self.anchor()

    @property
    def kept(self) -> Sequence[Entry]:
        """Everything that was said and measured, oldest first."""
        return self._kept

    @property
    def said(self) -> list[tuple[str, str]]:
        """Role (``person``, ``planner``, ``line``) and text of everything that was said."""
        words = (e for e in self._kept if isinstance(e, Words))
        return [(e.kind if e.kind in ("person", "planner") else "line", e.text) for e in words]

    @property
    def measured(self) -> Iterator[Evidence]:
        """The evidence that came since the last words of the person or the planner."""
        for entry in reversed(self._kept):
            if isinstance(entry, Measured):
                yield entry.evidence
            elif entry.kind in ("person", "planner"):
                return

    @property
    def entries(self) -> Vertical:
        """What holds the widgets of the entries near the place that is looked at, oldest first."""
        return self.query_one("#entries", Vertical)

    @property
    def _last(self) -> int:
        """The place behind the last entry that has a widget."""
        return self._first + len(self.entries.children)

    # what comes and what leaves

    async def add(self, *entries: Entry) -> None:
        """Append entries. Where one reads far above them, they get no widgets yet."""
        async with self.lock:
            end = self._last == len(self._kept)
            self._kept += entries
            if not end or (len(self.entries.children) > MOST + SPARE and not self.following):
                return
            if len(entries) > STEP:
                await self._begin_at(len(self._kept) - STEP, end=True)
                return
            await self.entries.mount(*self._made(self._last, len(self._kept)))
            many = len(self.entries.children)
            if many > MOST + SPARE and self.following:
                await self._leave_above(many - MOST)

    async def clear(self) -> None:
        """Begin anew, with nothing."""
        async with self.lock:
            await self._leave(list(self.entries.children))
            self._kept, self._first, self._place = [], 0, None

    @property
    def following(self) -> bool:
        """Whether it stays at its end while new things come; the layout sees to that."""
        return self._anchored and not self._anchor_released

    def follow(self) -> None:
        """Go to the end and stay there while new things come."""
        if self._last < len(self._kept):
            self.run_worker(self._begin_at(len(self._kept) - STEP, end=True), group="conversation")
        else:
            self.anchor()

    def _made(self, first: int, last: int) -> list[Widget]:
        """Widgets of the entries from ``first`` to ``last``."""
        made = []
        for place in range(first, last):
            entry = self._kept[place]
            widget = entry.widget()
            if isinstance(widget, PlannerSays) and isinstance(entry, Words) and entry.folds:
                widget.fold()
            made.append(widget.add_class("-cursor") if place == self._place else widget)
        return made

    async def _leave_above(self, most: int) -> None:
        """Let go of the widgets of the first ``most`` entries, but of none that is nearly seen."""
        near = self.scroll_y - self.size.height
        async with self._in_place():
            gone = [w for w in self.entries.children[: max(0, most)] if w.virtual_region.bottom < near]
            await self._leave(gone)
            self._first += len(gone)

    async def _leave(self, gone: list[Widget]) -> None:
        caches = caches_of_lines(gone)
        await self.entries.remove_children(gone)
        for cache in caches:
            cache.clear()

    async def _begin_at(self, first: int, *, end: bool = False) -> None:
        """Look at another place altogether."""
        async with self.lock:
            with self.app.batch_update():
                await self._leave(list(self.entries.children))
                self._first = max(0, first)
                last = min(len(self._kept), self._first + STEP)
                await self.entries.mount(*self._made(self._first, last))
                if end:
                    self.anchor()
                self.screen._refresh_layout()  # what is below needs to know where things are
                if not end:
                    self.scroll_to(y=0, animate=False, immediate=True)
                    self.release_anchor()  # an empty conversation was at its end
        self._look_around()

    async def _bring(self, earlier: bool) -> None:
        """Give the entries before or behind those that have widgets theirs; those farthest from them leave."""
        async with self.lock:
            held = self.entries
            if earlier:
                start = max(0, self._first - STEP)
                async with self._in_place():
                    await held.mount(*self._made(start, self._first), before=0)
                    self._first = start
                    near = self.scroll_y + 2 * self.size.height
                    await self._leave([w for w in held.children[MOST:] if w.virtual_region.y > near])
            else:
                await held.mount(*self._made(self._last, min(len(self._kept), self._last + STEP)))
                await self._leave_above(len(held.children) - MOST)

    @asynccontextmanager
    async def _in_place(self) -> AsyncIterator[None]:
        """What is seen stays where it is on the screen while entries above it come and go."""
        seen = next((w for w in self.entries.children if w.virtual_region.bottom > self.scroll_y), None)
        before = seen.virtual_region.y if seen is not None else 0
        with self.app.batch_update():
            yield
            if seen is None or not seen.is_attached or self.following:
                return
            self.screen._refresh_layout()  # where things are is known before a frame of it is painted
            moved = seen.virtual_region.y - before
            if moved:
                self.scroll_to(y=self.scroll_y + moved, animate=False, immediate=True, release_anchor=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._look_around()

    def on_resize(self) -> None:
        self._look_around()

    def _look_around(self) -> None:
        """Where one is near to entries without widgets, bring them."""
        if self._moving or not self.is_mounted or not self.size:
            return
        near = self.size.height
        earlier = self.scroll_y < near and self._first > 0
        later = self.max_scroll_y - self.scroll_y < near and self._last < len(self._kept)
        if later:
            self.release_anchor()  # the end of what has widgets is not the end
        if earlier or later:
            self._moving = True
            self.run_worker(self._come(earlier), group="conversation")

    async def _come(self, earlier: bool) -> None:
        try:
            await self._bring(earlier)
        finally:
            self._moving = False
        self.call_after_refresh(self._look_around)

    def action_scroll_home(self) -> None:
        """Go to the beginning of all."""
        if self._first:
            self.release_anchor()
            self.run_worker(self._begin_at(0), group="conversation")
        else:
            super().action_scroll_home()

    def action_scroll_end(self) -> None:
        """Go to the end, and stay there again."""
        self.follow()

    # the cards

    def _foldable_at(self, place: int | None) -> Foldable | None:
        """The card or the long answer at ``place``, if there is one and it has a widget."""
        from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard

        if place is None or not self._first <= place < self._last:
            return None
        found = self.entries.children[place - self._first]
        if isinstance(found, EvidenceCard) or (isinstance(found, PlannerSays) and found.folds):
            return found
        return None

    @property
    def foldable(self) -> Foldable | None:
        """What is under the cursor: a card, or a long answer."""
        return self._foldable_at(self._place)

    @property
    def card(self) -> EvidenceCard | None:
        """The card under the cursor."""
        found = self.foldable
        return None if isinstance(found, PlannerSays) else found

    def select(self, found: Foldable) -> None:
        """Put the cursor on a card or a long answer."""
        if self.foldable is not None:
            self.foldable.remove_class("-cursor")
        self._place = self._first + self.entries.children.index(found)
        found.add_class("-cursor")
        self.scroll_to_widget(found, animate=False)

    def on_focus(self) -> None:
        if self.foldable is None:
            found = [f for i in range(self._first, self._last) if (f := self._foldable_at(i)) is not None]
            if found:
                self.select(found[-1])

    async def action_card(self, step: int) -> None:
        """Move the cursor by ``step`` cards and long answers."""
        places = [i for i, e in enumerate(self._kept) if isinstance(e, Measured) or e.folds]
        if not places:
            return
        here = len(self._kept) if self._place is None else self._place
        beyond = [i for i in places if (i > here if step > 0 else i < here)]
        place = (beyond[0] if step > 0 else beyond[-1]) if beyond else places[-1 if step > 0 else 0]
        if self._foldable_at(place) is None:
            await self._begin_at(max(0, place - STEP // 2))
        self._select_at(place)

    def _select_at(self, place: int) -> None:
        found = self._foldable_at(place)
        if found is not None:
            self.select(found)

    def action_unfold(self) -> None:
        """Unfold or fold the card or the answer under the cursor."""
        if self.foldable is not None:
            self._toggle(self.foldable)

    def unfold_last(self) -> None:
        """Open the newest long answer that is still folded, if it came since the person spoke."""
        for widget in reversed(self.entries.children):
            if isinstance(widget, PersonSays):
                return
            if isinstance(widget, PlannerSays) and widget.folds and not widget.expanded:
                self._toggle(widget)
                return

    def on_more_clicked(self, event: More.Clicked) -> None:
        event.stop()
        self._toggle(event.says)

    def _toggle(self, found: Foldable) -> None:
        self.anchor(False)  # who unfolds something reads it: what comes meanwhile waits below
        found.expanded = not found.expanded
        if isinstance(found, PlannerSays):
            self.call_after_refresh(self.scroll_to_widget, found, animate=False, top=True)

    def on_evidence_card_grown(self, event: EvidenceCard.Grown) -> None:
        event.stop()
        if event.card is self.card:
            self.scroll_to_widget(event.card, animate=False, top=event.card.expanded)

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
