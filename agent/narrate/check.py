"""Do report files still say what the journal says? What ``failsight verify`` tells of them.

Three questions, each harder to cheat than the one before. Was the file edited after it was written (its own digest)?
Does it belong to this journal (head and findings)? And does the journal, told again, give the same text: so that somebody
who edits a sentence *and* mends the digest is found out too. The last is asked of files that this version of Failsight wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from failsight.agent.journal import Event, Journal
from failsight.agent.narrate.bank import installed
from failsight.agent.narrate.files import inside
from failsight.agent.narrate.findings import findings_digest, findings_document
from failsight.agent.narrate.html import CONTENT_PLACE, content_digest
from failsight.agent.narrate.markdown import TEXT_PLACE, text_digest
from failsight.agent.narrate.written import DOCUMENTS, Written
from failsight.agent.state import fold
from failsight.tools.errors import UserError
from failsight.tools.text import clean

KINDS = (".json", ".html", ".htm", ".md")
LARGEST = 200_000_000  # bytes of a report
_META = re.compile(r'<meta name="failsight:([a-z0-9-]+)" content="([^"]*)">')
_FOOT = re.compile(
    r"^journal events: (\d+)\njournal head: +([0-9a-f]{64})\nfindings: +([0-9a-f]{64})\n"
    r"written for: +([a-z_-]+), pictures (shown|withheld), by Failsight (\S+)\nthis text: +([0-9a-f]{64})$",
    re.MULTILINE,
)
_PICTURES = re.compile(
    r'<img [^>]*>|<(p|span) class="missing">.*?</\1>|^!\[.*$|^\*(?:Figure missing|Picture withheld).*$',
    re.MULTILINE,
)
_TEXT = re.compile(r"<[^>]+>")


def check_report(folder: Path) -> list[str]:
    """One sentence for each way in which the report files of a case differ from its journal; none when all is well.

    Files that were never written are no problem; a report older than the journal's last findings is.
    """
    names = [p.name for end in ("html", "md") for p in sorted(folder.glob(f"report*.{end}"))]
    names = [n for n in ("findings.json", *names, *DOCUMENTS.values()) if inside(folder, n)]
    made = _checker(folder)
    return [made] if isinstance(made, str) else [p for name in names for p in made.check(folder / name)]


def check_file(path: Path, folder: Path) -> list[str]:
    """The same for one file, wherever it lies, against the journal of the case ``folder``.

    Raises:
        UserError: there is no such file, or it is none that Failsight writes.
    """
    if path.suffix.lower() not in KINDS or path.is_dir():
        raise UserError(f"{path} is no report.", "Give a .html, .md or .json that `failsight report` wrote.")
    made = _checker(folder)
    return [made] if isinstance(made, str) else made.check(path)


def told_again(path: Path) -> bool:
    """Whether :func:`check_file` could hold every sentence of a file to the journal: this version of Failsight wrote it."""
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    foot = _FOOT.search(text)
    version = foot[6] if foot else dict(_META.findall(text.partition("<body")[0])).get("version", "")
    return version == installed()


def _checker(folder: Path) -> _Checker | str:
    """What checks files against the journal of a case; a sentence when that journal can't be read."""
    try:
        events = Journal(folder, write=False).events
    except UserError as error:
        return f"The report cannot be checked: {error.message}"
    try:
        fold(events)
    except Exception:  # whatever was done to an event, `failsight verify` names the event itself
        return "The report cannot be checked: the journal holds events that were changed beyond reading."
    return _Checker(folder, events)


class _Checker:
    def __init__(self, folder: Path, events: Sequence[Event]) -> None:
        self.folder, self.events = folder, events
        self._documents: dict[int, dict[str, Any]] = {}

    def check(self, path: Path) -> list[str]:
        """One sentence for each thing that is wrong with a file. Raises UserError when there is none."""
        name, end = clean(path.name, 80), path.suffix.lower()
        check = self.findings if end == ".json" else self.markdown if end == ".md" else self.html
        try:
            if path.stat().st_size > LARGEST:
                raise UserError(f"{path} is too large for a report.")
            return check(name, path.read_bytes().decode("utf-8"))
        except FileNotFoundError:
            raise UserError(f"There is no {path}.") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return [f"{name} cannot be read as what it should be."]

    def findings(self, name: str, text: str) -> list[str]:
        document = json.loads(text)
        journal = document["journal"]
        return self._place(name, int(journal["events"]), str(journal["head"]), findings_digest(document))

    def html(self, name: str, text: str) -> list[str]:
        meta = dict(_META.findall(text.partition("<body")[0]))
        try:
            events, head, found = int(meta["journal-events"]), meta["journal-head"], meta["findings-sha256"]
            content = meta["content-sha256"]
        except (KeyError, ValueError):
            return [f"{name} does not say which journal it belongs to."]
        problems = self._place(name, events, head, found)
        if content_digest(text.replace(content, CONTENT_PLACE, 1)) != content:
            problems.append(f"{name} was edited after it was written.")
        elif not problems or "older than" in problems[0]:
            audience = "" if meta.get("audience", "all") == "all" else meta["audience"]
            problems += self._again(
                name, text, events, "html", audience, meta.get("pictures", ""), meta.get("version", "")
            )
        return problems

    def markdown(self, name: str, text: str) -> list[str]:
        text = text.replace("\r\n", "\n")
        match = _FOOT.search(text)
        if match is None:
            return [f"{name} does not say which journal it belongs to."]
        events, what = int(match[1]), match[4]
        problems = self._place(name, events, match[2], match[3])
        if text_digest(text.replace(match[7], TEXT_PLACE, 1)) != match[7]:
            problems.append(f"{name} was edited after it was written.")
        elif not problems or "older than" in problems[0]:
            made = what if what in DOCUMENTS else "md"
            audience = "" if made != "md" or what == "all" else what
            problems += self._again(name, text, events, made, audience, match[5], match[6])
        return problems

    def _place(self, name: str, count: int, head: str, found: str) -> list[str]:
        if not 0 < count <= len(self.events):
            return [f"{name} tells of {count} events; the journal holds {len(self.events)}."]
        if self.events[count - 1].hash != head:
            return [f"{name} does not belong to this journal: event {count} has another hash than it says."]
        if findings_digest(self._document(count)) != found:
            return [f"{name} holds other findings than the first {count} events of the journal."]
        if findings_digest(self._document(len(self.events))) != found:
            return [
                f"{name} is older than the journal: since event {count} the findings have changed. `failsight report` writes it anew."
            ]
        return []

    def _again(
        self, name: str, text: str, count: int, made: str, audience: str, pictures: str, version: str
    ) -> list[str]:
        """Whether the journal told again reads the same, pictures apart; nothing of a file that another version wrote."""
        if version != installed():
            return []
        events = self.events[:count]
        written = Written(self.folder, fold(events), events)
        told = written.make(made, audience=audience, withhold=pictures == "withheld").decode("utf-8")
        differing = _first_difference(text, told)
        if differing is None:
            return []
        return [f"{name} says what the journal does not say, or not so: “{clean(differing, 160)}”."]

    def _document(self, count: int) -> Mapping[str, Any]:
        if count not in self._documents:
            events = self.events[:count]
            self._documents[count] = findings_document(fold(events), events)
        return self._documents[count]


def _first_difference(text: str, told: str) -> str | None:
    """The first piece of ``text`` that ``told`` does not have at its place; pictures and digests of the text are left out."""
    ours, theirs = (_pieces(t) for t in (text, told))
    for ours_, theirs_ in zip(ours, theirs, strict=False):
        if ours_ != theirs_:
            return _TEXT.sub("", ours_).strip() or ours_
    if len(ours) == len(theirs):
        return None
    longer = ours if len(ours) > len(theirs) else theirs
    return _TEXT.sub("", longer[min(len(ours), len(theirs))]).strip() or "a part is missing"


def _pieces(text: str) -> list[str]:
    """A text in pieces of about a sentence: lines of Markdown, elements of a page."""
    bare = _PICTURES.sub("", text)
    bare = re.sub(r'(content-sha256" content=|this text: +)"?[0-9a-f]{64}', "", bare)
    return [
        piece
        for piece in re.split(r"\n|(?=<(?:p|li|dd|dt|h\d|td|th|tr|section|article|summary)\b)", bare)
        if piece.strip()
    ]
