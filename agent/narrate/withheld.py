"""Leaving out what images are called: every path, file name and distinctive stem in a report, wherever a tool or a person wrote it.

Which names there are is read from the journal: examples and tables of evidence, labels that came back, and whatever in any text ends
like the file of an image. Each gets a name of its own that tells nothing, so that what was said of one image stays apart from the rest.
"""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from failsight.agent.narrate.pictures import APART, ENDS, LONGEST_NAME, image_files
from failsight.agent.narrate.report import command, shell
from failsight.agent.narrate.words import image_name
from failsight.tools.evidence import Evidence, Figure
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.journal import Event
    from failsight.agent.state import CaseState

COLUMNS = ("path", "image")  # of tables whose cells are names of images, with or without the end of a file
SHORTEST = 6  # characters of a stem, or of a name that was cut off, that say which image is meant
_START = re.compile(r"(?<!\w)\S")
T = TypeVar("T")


class Withheld:
    """The names of the images of a case, and texts without them.

    Args:
        state: the fold of ``events``.
        events: the journal; what images are called here depends on it alone.
    """

    def __init__(self, state: CaseState, events: Sequence[Event]) -> None:
        self._own = {
            f.path for e in state.evidence for f in e.figures
        }  # drawn by Failsight: no image of the case
        self._words = {_folded(c) for given in _splits(state) for c in given.get("classes") or ()}
        self._roots = [
            _folded(str(given["path"])).rstrip("/") + "/" for given in _splits(state) if given.get("path")
        ]
        self._names: dict[
            str, str
        ] = {}  # every way in which an image may be written → what it is called here
        self._made = 0
        for image in (i for e in state.evidence for i in e.images):
            self._know(image.path, image_name(image, True))
        for path in (p for verdicts in state.relabelled.values() for p in verdicts):
            self._know(path)
        for cell in _cells(state.evidence):
            self._know(cell)
        for text in _texts([e.data for e in events]):
            for start, end in image_files(text):
                if text[start:end] not in self._own:
                    self._know(text[start:end])
        self._sorted = sorted(self._names)
        self._lengths: dict[str, list[int]] = {}
        for name in self._names:
            self._lengths.setdefault(name[:2], []).append(len(name))
        self._lengths = {k: sorted(set(v), reverse=True) for k, v in self._lengths.items()}

    def _know(self, path: str, name: str = "") -> None:
        whole = _folded(clean(path, LONGEST_NAME))
        if not whole or whole in self._names:
            return
        if not name:
            self._made += 1
            name = f"Withheld image {self._made:,}"
        last = whole.rpartition("/")[2]
        bare = [re.sub(rf"\.(?:{ENDS})$", "", n) for n in (whole, last)]
        ways = {whole, _folded(path), whole.replace("/", "//"), last, *bare}  # separators are doubled in code
        for way in filter(_tells, ways - self._words):
            known = self._names.get(way)  # two images of one name in two folders are one no more
            self._names[way] = name if known in (None, name) else "A withheld image"

    # --- texts -----------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """``text`` with what images are called here in the place of their names."""
        if not text or text in self._own:
            return text
        folded, made, at = _folded(text), [], 0
        for start, end, name in sorted(
            [*self._known(folded), *self._cut(folded), *self._files(folded, text)]
        ):
            if start >= at:
                made += [text[at:start], name]
                at = end
        return "".join((*made, text[at:]))

    def _known(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, name) of known names, longest first, with the folders that stand before them."""
        done = 0
        for begun in _START.finditer(text):
            at = begun.start()
            if at < done:
                continue
            for length in self._lengths.get(text[at : at + 2], ()):
                end = at + length
                name = self._names.get(text[at:end])
                if name is not None and not (end < len(text) and (text[end].isalnum() or text[end] == "_")):
                    yield self._from(text, at), end, name
                    done = end
                    break

    def _from(self, text: str, at: int) -> int:
        """Where the folders begin that stand before a name."""
        if at == 0 or text[at - 1] != "/":
            return at
        for root in self._roots:
            if text.endswith(root, 0, at):
                return at - len(root)
        least = max(0, at - LONGEST_NAME)
        while at > least and text[at - 1] not in APART:
            at -= 1
        return at

    def _files(self, text: str, given: str) -> Iterator[tuple[int, int, str]]:
        """Whatever else ends like an image, such as the file of another case that somebody mentions."""
        for start, end in image_files(text):
            if given[start:end] not in self._own:
                yield start, end, self._names.get(text[start:end], "A withheld image")

    def _cut(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Names that were cut off in the middle, where a text was shortened."""
        for mark in re.finditer(r"(?<=[\w/.-])…", text):
            end = mark.start()
            for begun in _START.finditer(text, max(0, end - LONGEST_NAME), end):
                part = text[begun.start() : end]
                if len(part) >= SHORTEST and part not in self._words and self._begins(part):
                    yield self._from(text, begun.start()), end, "A withheld image"
                    break

    def _begins(self, part: str) -> bool:
        """Whether a known name begins so, and ``part`` reaches well into what the file is called."""
        at = bisect_left(self._sorted, part)
        if at == len(self._sorted) or not self._sorted[at].startswith(part):
            return False
        folder, _, last = self._sorted[at].rpartition("/")
        reached = len(part) - len(folder) - bool(folder)
        return reached >= max(3, len(last) // 3)

    # --- whole reports ---------------------------------------------------------------------------------------------

    def hide(self, value: T) -> T:
        """A report, or a part of one, without the names of images; files that Failsight drew are found as before."""
        return cast("T", self._hide(value))

    def _hide(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._hide(k): self._hide(v) for k, v in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(self._hide(v) for v in value)
        if not dataclasses.is_dataclass(value) or isinstance(value, type):
            return value
        kept = {f.name: self._hide(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, Figure):
            kept["path"] = value.path
        if (
            isinstance(kept.get("evidence"), Evidence) and "command" in kept
        ):  # quoted as what stands there now
            kept |= {"command": command(kept["evidence"]), "shell": shell(kept["evidence"])}
        return type(value)(**kept)


def _splits(state: CaseState) -> list[Mapping[str, Any]]:
    data = state.config.get("data")
    return [g for g in data.values() if isinstance(g, Mapping)] if isinstance(data, Mapping) else []


def _tells(name: str) -> bool:
    """Whether a name says which image is meant, and can be told from a number or a word: a path, a file, a long stem."""
    if "/" in name or re.search(rf"\.(?:{ENDS})$|^row-\d+$", name):
        return True
    letters, digits = re.search(r"[^\W\d_]", name), re.search(r"\d", name)
    return len(name) >= SHORTEST and bool(letters and digits)


def _folded(text: str) -> str:
    """``text`` at its length, as names are compared: in small letters, with one kind of separator."""
    small = "".join(low if len(low := c.lower()) == 1 else c for c in text)
    return small.replace("\\", "/")


def _cells(evidence: Iterable[Evidence]) -> Iterator[str]:
    for table in (t for e in evidence for t in e.tables):
        places = [i for i, c in enumerate(table.columns) if c.strip().lower() in COLUMNS]
        for row in table.rows:
            yield from (v for i in places if i < len(row) and isinstance(v := row[i], str))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (t for pair in value.items() for part in pair for t in _texts(part))
    elif isinstance(value, list | tuple):
        yield from (t for v in value for t in _texts(v))
