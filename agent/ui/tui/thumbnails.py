"""Painted pictures kept for a while, and which ones are wanted next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from threading import Lock

from failsight.agent.ui.tui.widgets.picture import Painted

KEPT = 480  # pictures; a page in a large terminal shows about a hundred


class Thumbnails:
    """The pictures painted last, by what they show and how large. Thread-safe; what leaves is freed in the terminal."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._held: OrderedDict[Hashable, Painted | str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Hashable) -> Painted | str | None:
        """A picture, or why there is none, or None when it was not painted yet (or has left)."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
            return found

    def put(self, key: Hashable, made: Painted | str) -> None:
        """Keep a picture, or why it can't be shown."""
        with self._lock:
            self._held[key] = made
            self._held.move_to_end(key)
            gone = [self._held.popitem(last=False)[1] for _ in range(len(self._held) - self._kept)]
        for old in gone:
            if isinstance(old, Painted):
                old.release()

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            gone, self._held = list(self._held.values()), OrderedDict()
        for old in gone:
            if isinstance(old, Painted):
                old.release()


def painting(
    places: Iterable[int],
    key: Callable[[int], Hashable],
    make: Callable[[int], Painted | str],
    held: Thumbnails,
    stopped: Callable[[], bool],
) -> Iterator[int]:
    """Paint the pictures at ``places`` that are not held yet; yields each place once it is there. Stops when told to."""
    for place in places:
        if stopped():
            return
        if held.get(key(place)) is None:
            held.put(key(place), make(place))
        yield place
