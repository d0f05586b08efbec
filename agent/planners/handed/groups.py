"""Several groups of images in one sentence, of which any is enough: each part between *and* or *or* is a group of its own.

``old flatbed pictures of the 1950s and black and white pictures of the City Housing Office`` is two groups of two conditions each; values
that stand bare beside others of their column (``line 1 and line 2 at night``) belong to the group that goes on with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from failsight.agent.planners import words
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import names_of
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.known.things import named
from failsight.knowledge_base.condition_text import TOGETHER, parts
from failsight.knowledge_base.vocabulary import words_of

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

Group = tuple[str, ...]
MOST: Final = 4  # groups of one sentence
SHORTEST: Final = 5  # letters of a word that stands for the one value that has it
_GLUE: Final = re.compile(
    r"\s*(?:[,;]\s*(?:and|or|plus|as well as)?|\b(?:and|or|plus|as well as|together with)\b)\s*",
    re.IGNORECASE,
)
_CALLED: Final = re.compile(
    r"\b(?:calls?|called|says?|said|answers?|answered|predicts?|predicted|takes? for|taken for|named|seen as|claims?)\b[^,;.]{0,24}$",
    re.IGNORECASE,
)
_LOOKING: Final = re.compile(r"^[-\s](?:looking|seeming|like)\b", re.IGNORECASE)
_HYPHEN: Final = re.compile(r"-(?=(?:looking|seeming|like)\b)", re.IGNORECASE)
#: a verb that begins a question is no class that is called so
MODAL: Final = re.compile(r"^\W*(?:(?:so|and|but|then|now|well)\b\W*)*(?:can|could|may|might|will|would|must|should)(?= (?:the|it|i|we|you|they|this|that|an?|our|my)\b)", re.IGNORECASE)  # fmt: skip
_AWAY: Final = re.compile(
    r"\b(?:without|leaving(?: out)?|leave(?: out)?|except(?:ing)?(?: for)?|exclud(?:e|ing)|apart from|other than|minus|but not|not(?= the\b)|out of (?:it|this|that)|out\b)",
    re.IGNORECASE,
)
_OTHER_TEXT: Final = (
    "always never go goes going sent send look looked looks at checked check checks see seen review reviewed by hand from now on rule make made set note suppose should must shall would be to left leave "
    "leaving without out taking except also too well plus add alone itself person people human someone what remains rest wrong right how good put get let have has do does not even every everything "
    "together whatever altogether they their over through one's first only sure just simply may might more pictures records files documents scans slides items whose where when wherever handled decided "
    "run runs running unattended unsupervised sorted done inspected manually very rule note nobody share part going staying stay come comes kept keep both either  it's these those are is all as such of course additionally again still need needs looking seeming"
)
_OTHER: Final = frozenset(_OTHER_TEXT.split())
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a sentence, in order, and the words of it that stand beside their names and are not understood."""

    groups: tuple[Group, ...] = ()
    unread: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()

    @property
    def strict(self) -> tuple[str, ...]:
        """The unread words that may narrow a group; ``fruit`` of ``wet fruit`` only says what the pictures show."""
        return tuple(x for x in self.unread if x not in self.nouns)


def read(case: Case, text: str, *, away: bool = False, sided: bool = False) -> Groups:
    """The groups that a sentence names; none where it names none, or one that no condition can deny.

    Args:
        sided: the words that tell who does it are no part of a group: ``by hand``, ``by the camera``.
        away: the words that leave something out say where it goes, and are no part of a group: ``and without the retouched ones``.
    """
    made, unread, nouns, bare = list[Group](), list[str](), list[str](), False
    text = _HYPHEN.sub(" ", MODAL.sub(lambda m: " " * len(m[0]), text))
    text = _AWAY.sub(" ", text) if away else text
    if sided:
        text = h.BY_MODEL.sub(
            lambda m: " " * len(m[0]), h.BY_PEOPLE_ALONE.sub(lambda m: " " * len(m[0]), text)
        )
    for piece in _pieces(names_of(case, text)):
        mentions = names_of(case, piece)
        held = _conditions(case, mentions)
        if not held:
            continue
        if any(c.startswith(TOGETHER) for c in held):
            return Groups()
        joined = _joined(made[-1], held) if made and bare else None
        made[-1:] = [joined] if joined else [*made[-1:], held]
        bare = _is_bare(mentions, piece)
        unread += _unread(case, mentions, held)
        nouns += [
            f[1]
            for m in mentions.found
            if m.role in ("value", "attribute") and (f := re.match(r" ([^\W\d_]+)(?![\w-])", piece[m.end :]))
        ]
    return Groups(tuple(dict.fromkeys(made))[:MOST], tuple(dict.fromkeys(unread)), tuple(nouns))


def _pieces(mentions: Mentions) -> list[str]:
    """The parts of a sentence between words that join, which a name may hold as well (``black and white``)."""
    text, start, made = mentions.sentence, 0, list[str]()
    spans = [(m.start, m.end) for m in mentions.found]
    for glue in _GLUE.finditer(text):
        if any(a < glue.end() - 1 and glue.start() + 1 < b for a, b in spans):
            continue
        made.append(text[start : glue.start()])
        start = glue.end()
    return [p for p in (*made, text[start:]) if p.strip()]


def _conditions(case: Case, mentions: Mentions) -> Group:
    """The conditions of one group: its class or answer, its values and limits, words that stand for one value alone."""
    things = named(case, mentions)
    text, held = mentions.sentence, list(things.group)
    for one in mentions.found:
        if one.role != "class":
            continue
        answered = _CALLED.search(text[: one.start]) or _LOOKING.match(text[one.end :])
        held.insert(0, f"{'predicted' if answered else 'true'}={one.name}")
    columns = {parts(c)[0] for c in held}
    held += [c for c in _by_word(case, mentions) if parts(c)[0] not in columns]
    return tuple(dict.fromkeys(held))


def _by_word(case: Case, mentions: Mentions) -> list[str]:
    """``flatbed`` for ``scanner=old flatbed``, where no other value of any column has that word."""
    owners = _owners(words.vocabulary(case).attributes)
    told = {word for found in _free(mentions) for word in words_of(found)} - w.FILLER - _OTHER
    return [next(iter(owners[x])) for x in sorted(told) if len(x) >= SHORTEST and len(owners.get(x, ())) == 1]


def _owners(attributes: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Word → the conditions of the values of several words that hold it; a word that is a value by itself is found as such."""
    owners: dict[str, set[str]] = {}
    for column, values in attributes.items():
        for value in values:
            spelt = words_of(str(value))
            for word in spelt if len(spelt) > 1 else ():
                owners.setdefault(word, set()).add(f"{column}={value}")
    return owners


def _free(mentions: Mentions) -> list[str]:
    """The words of a sentence outside of its names."""
    spans = [(m.start, m.end) for m in mentions.found]
    return [
        f[0]
        for f in _WORD.finditer(mentions.sentence)
        if not any(a < f.end() and f.start() < b for a, b in spans)
    ]


def _joined(before: Group, now: Group) -> Group | None:
    """``line=1`` before ``line=2, shift=night`` as ``line=1|2, shift=night``; None where the two are groups of their own."""
    if len(before) != 1 or parts(before[0])[1] != "=":
        return None
    name, _, value = parts(before[0])
    at = next((i for i, c in enumerate(now) if parts(c)[:2] == (name, "=")), None)
    if at is None:
        return None
    return (*now[:at], f"{name}={value}|{parts(now[at])[2]}", *now[at + 1 :])


def _is_bare(mentions: Mentions, piece: str) -> bool:
    """Whether a part ends with its name, so that what is said of it may stand in the part behind it."""
    return bool(mentions.found) and not piece[mentions.found[-1].end :].strip(" .,;:?!s")


def _unread(case: Case, mentions: Mentions, held: Group) -> list[str]:
    """Words beside the names of a group that nothing took."""
    text = mentions.sentence
    for pattern in (h.TO_PEOPLE, h.ALONE, h.LEFT, h.LOOK_AT, h.RULE):
        text = pattern.sub(lambda m: " " * len(m[0]) if not any(x.start < m.end() and m.start() < x.end for x in mentions.found) else m[0], text)  # fmt: skip
    known = {word for c in held for word in words_of(c)}
    spans = [(m.start, m.end) for m in mentions.found]
    if not spans:
        return []
    begin = max((f.end() for f in re.finditer(r"[.:!?]\s", text[: spans[0][0]])), default=0)
    over = re.search(r"[.:!?](?:\s|$)", text[spans[-1][1] :])
    end = spans[-1][1] + over.start() if over is not None else len(text)
    left = []
    for found in re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", text[:end]):
        inside = any(a < found.end() and found.start() < b for a, b in spans)
        word = found[0].lower()
        letter = len(found[0]) == 1 and found[0].isupper() and found[0] not in "IA"
        told = set(words_of(word)) & known or (_is_small(word) and not letter) or _is_people(word)
        if found.start() >= begin and not inside and not told:
            left.append(found[0])
    return left


def _is_small(word: str) -> bool:
    return (
        word in w.FILLER
        or word in _OTHER
        or word in w.KEEP
        or word in w.PREPS
        or word in w.VERBS
        or len(word) < 2
    )


def _is_people(word: str) -> bool:
    return re.fullmatch(h.PEOPLE, word, re.IGNORECASE) is not None or word in ("us", "them", "model", "machine", "program")  # fmt: skip


def as_answered(group: Group) -> Group:
    """What is left to the model is known by its answer: the true class is known to nobody beforehand."""
    return tuple(f"predicted{c.removeprefix('true')}" if parts(c)[0] == "true" else c for c in group)


def complement(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups of all images outside of ``groups``."""
    from itertools import product

    from failsight.knowledge_base.condition_text import denied

    return tuple(tuple(dict.fromkeys(map(denied, way))) for way in product(*groups))[: MOST * 2]
