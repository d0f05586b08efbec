"""Do report files still say what the journal says? What ``failsight verify`` tells of them.

Three questions, each harder to cheat than the one before. Was the file edited after it was written (its own digest)?
Does it belong to this journal (head and findings)? And does the journal, told again, give the same text: so that somebody
who edits a sentence *and* mends the digest is found out too. A file that another program told (another version, another
knowledge base) may read otherwise and be true: its claims are then held to the journal (``claims.py``), and that its sentences
can't be told again is said. What a file says of its own program is believed for no more than that.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from failsight.agent.journal import Event, Journal
from failsight.agent.narrate.bank import installed, told_with
from failsight.agent.narrate.claims import other_claims, other_values
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
    r"written for: +([a-z_-]+), pictures (shown|withheld), by Failsight (\S+)\n(?:told with: +(\S+)\n)?this text: +([0-9a-f]{64})$",
    re.MULTILINE,
)
_PICTURES = re.compile(
    r'<img [^>]*>|<(p|span) class="missing">.*?</\1>|^!\[.*$|^\*(?:Figure missing|Picture withheld).*$',
    re.MULTILINE,
)
_TEXT = re.compile(r"<[^>]+>")
_TELLER = re.compile(
    r'<meta name="failsight:(?:version|told-with)" content="[^"]*">|, by Failsight \S+$|^told with: +\S+$',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about report files.

    Attributes:
        wrong: one sentence for each way in which they differ from the journal.
        untold: one sentence for each file whose sentences this program can't tell again.
        read: how many files read the same, told again.
    """

    wrong: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    read: int = 0


@dataclass(frozen=True, slots=True)
class _Said:
    """What a file says of itself."""

    name: str
    made: str
    events: int
    head: str
    found: str
    audience: str = ""
    pictures: str = ""
    version: str = ""
    told_with: str = ""

    def ours(self) -> bool:
        """Whether it says that this very program wrote it."""
        return bool(self.told_with) and (self.version, self.told_with) == (installed(), told_with())

    def other(self) -> str:
        """Who wrote it, and who reads it."""
        if self.version and self.version != installed():
            return f"was written by Failsight {clean(self.version, 20)}, this is {installed()}"
        return "was written by Failsight with another knowledge base, other tools or another state of the program than this one has"


def check_report(folder: Path) -> list[str]:
    """One sentence for each way in which the report files of a case differ from its journal; none when all is well.

    Files that were never written are no problem; a report older than the journal's last findings is.
    """
    return examined_case(folder).wrong


def check_file(path: Path, folder: Path) -> list[str]:
    """The same for one file, wherever it lies, against the journal of the case ``folder``.

    Raises:
        UserError: there is no such file, or it is none that Failsight writes.
    """
    return examined_file(path, folder).wrong


def examined_case(folder: Path) -> Checked:
    """What there is to say of all report files that lie in the case ``folder``."""
    names = [p.name for end in ("html", "md") for p in sorted(folder.glob(f"report*.{end}"))]
    names = [n for n in ("findings.json", *names, *DOCUMENTS.values()) if inside(folder, n)]
    return _examined([folder / name for name in names], folder)


def examined_file(path: Path, folder: Path) -> Checked:
    """What there is to say of one file. Raises UserError as :func:`check_file` does."""
    if path.suffix.lower() not in KINDS or path.is_dir():
        raise UserError(f"{path} is no report.", "Give a .html, .md or .json that `failsight report` wrote.")
    return _examined([path], folder)


def _examined(paths: Sequence[Path], folder: Path) -> Checked:
    """Files held to the journal of a case; one sentence alone when that journal can't be read."""
    try:
        events = Journal(folder, write=False).events
    except UserError as error:
        return Checked([f"The report cannot be checked: {error.message}"])
    try:
        fold(events)
    except Exception:  # whatever was done to an event, `failsight verify` names the event itself
        return Checked(
            ["The report cannot be checked: the journal holds events that were changed beyond reading."]
        )
    checker = _Checker(folder, events)
    for path in paths:
        checker.check(path)
    return checker.checked


class _Checker:
    def __init__(self, folder: Path, events: Sequence[Event]) -> None:
        self.folder, self.events, self.checked = folder, events, Checked()
        self._documents: dict[int, dict[str, Any]] = {}

    def check(self, path: Path) -> None:
        """Say what is wrong with a file, and what can't be told. Raises UserError when there is none."""
        name, end = clean(path.name, 80), path.suffix.lower()
        check = self._findings if end == ".json" else self._markdown if end == ".md" else self._html
        try:
            if path.stat().st_size > LARGEST:
                raise UserError(f"{path} is too large for a report.")
            check(name, path.read_bytes().decode("utf-8"))
        except FileNotFoundError:
            raise UserError(f"There is no {path}.") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._wrong(f"{name} cannot be read as what it should be.")

    def _wrong(self, sentence: str) -> None:
        self.checked.wrong.append(sentence)

    def _findings(self, name: str, text: str) -> None:
        document = json.loads(text)
        journal = document["journal"]
        said = _Said(
            name, "json", int(journal["events"]), str(journal["head"]), findings_digest(document),
            version=installed(), told_with=str(journal.get("told_with", "")),
        )  # fmt: skip
        if not self._belongs(said) or self._same_findings(said):
            return
        other = other_values(
            *({k: v for k, v in d.items() if k != "journal"} for d in (document, self._document(said.events)))
        )
        if said.ours() or other:
            at = f" (at {clean(other, 80)})" if other else ""
            self._wrong(
                f"{name} holds other findings than the first {said.events} events of the journal{at}."
            )
        else:
            self.checked.untold.append(
                f"{name} {said.other()}: it is put together otherwise than here. What both write is the same."
            )

    def _html(self, name: str, text: str) -> None:
        meta = dict(_META.findall(text.partition("<body")[0]))
        try:
            content = meta["content-sha256"]
            said = _Said(
                name, "html", int(meta["journal-events"]), meta["journal-head"], meta["findings-sha256"],
                "" if meta.get("audience", "all") == "all" else meta["audience"], meta.get("pictures", ""),
                meta.get("version", ""), meta.get("told-with", ""),
            )  # fmt: skip
        except (KeyError, ValueError):
            return self._wrong(f"{name} does not say which journal it belongs to.")
        self._text(said, text, content_digest(text.replace(content, CONTENT_PLACE, 1)) == content)

    def _markdown(self, name: str, text: str) -> None:
        text = text.replace("\r\n", "\n")
        foot = _FOOT.search(text)
        if foot is None:
            return self._wrong(f"{name} does not say which journal it belongs to.")
        made = foot[4] if foot[4] in DOCUMENTS else "md"
        audience = "" if made != "md" or foot[4] == "all" else foot[4]
        said = _Said(name, made, int(foot[1]), foot[2], foot[3], audience, foot[5], foot[6], foot[7] or "")
        self._text(said, text, text_digest(text.replace(foot[8], TEXT_PLACE, 1)) == foot[8])

    def _text(self, said: _Said, text: str, whole: bool) -> None:
        belongs = self._belongs(said)
        if belongs and not self._same_findings(said) and said.ours():
            belongs = False
            self._wrong(
                f"{said.name} holds other findings than the first {said.events} events of the journal."
            )
        if not whole:
            self._wrong(f"{said.name} was edited after it was written.")
        elif belongs:
            self._again(said, text)

    def _belongs(self, said: _Said) -> bool:
        """Whether a file is of this journal; what it is not, or older than it, is said."""
        name, count = said.name, said.events
        if not 0 < count <= len(self.events):
            self._wrong(f"{name} tells of {count} events; the journal holds {len(self.events)}.")
            return False
        if self.events[count - 1].hash != said.head:
            self._wrong(
                f"{name} does not belong to this journal: event {count} has another hash than it says."
            )
            return False
        if findings_digest(self._document(count)) != findings_digest(self._document(len(self.events))):
            self._wrong(
                f"{name} is older than the journal: since event {count} the findings have changed. `failsight report` writes it anew."
            )
        return True

    def _same_findings(self, said: _Said) -> bool:
        return findings_digest(self._document(said.events)) == said.found

    def _again(self, said: _Said, text: str) -> None:
        """Hold a text to the journal told again, pictures apart: the same, false, or told by another program."""
        events = self.events[: said.events]
        written = Written(self.folder, fold(events), events)
        told = written.make(said.made, audience=said.audience, withhold=said.pictures == "withheld")
        ours, theirs = _pieces(text), _pieces(told.decode("utf-8"))
        differing = _first_difference(ours, theirs)
        if differing is None:
            return self._read()
        if said.ours():
            return self._wrong(
                f"{said.name} says what the journal does not say, or not so: “{clean(differing, 160)}”."
            )
        if wrong := other_claims(ours, theirs):
            says, journal = (clean(s, 160) for s in wrong[0])
            return self._wrong(f"{said.name} says “{says}”. The journal says “{journal}”.")
        same = sum((Counter(ours) & Counter(theirs)).values())
        self.checked.untold.append(
            f"{said.name} {said.other()}: its sentences can't be told again. {same:,} of its {len(ours):,} parts read as this program tells "
            f"them; the first that does not: “{clean(differing, 160)}”. No number or verdict in a sentence that both know is another."
        )

    def _read(self) -> None:
        self.checked = Checked(self.checked.wrong, self.checked.untold, self.checked.read + 1)

    def _document(self, count: int) -> Mapping[str, Any]:
        if count not in self._documents:
            events = self.events[:count]
            self._documents[count] = findings_document(fold(events), events)
        return self._documents[count]


def _first_difference(ours: Sequence[str], theirs: Sequence[str]) -> str | None:
    """The first piece of a text that the told one does not have at its place."""
    for ours_, theirs_ in zip(ours, theirs, strict=False):
        if ours_ != theirs_:
            return _TEXT.sub("", ours_).strip() or ours_
    if len(ours) == len(theirs):
        return None
    longer = ours if len(ours) > len(theirs) else theirs
    return _TEXT.sub("", longer[min(len(ours), len(theirs))]).strip() or "a part is missing"


def _pieces(text: str) -> list[str]:
    """A text in pieces of about a sentence: lines of Markdown, elements of a page.

    Pictures, digests of the text and what it says of its own program are left out.
    """
    bare = _TELLER.sub("", _PICTURES.sub("", text))
    bare = re.sub(r'(content-sha256" content=|this text: +)"?[0-9a-f]{64}', "", bare)
    return [
        piece
        for piece in re.split(r"\n|(?=<(?:p|li|dd|dt|h\d|td|th|tr|section|article|summary)\b)", bare)
        if piece.strip()
    ]
