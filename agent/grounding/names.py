"""Names of the case in running text: classes, attributes with their values, splits, findings, evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from failsight.agent.grounding.lexicon import SPLITS

PLAIN_VALUES = {"yes", "no", "true", "false", "none", "unknown", "other", "present", "absent"}
#: values that are everyday words: they count only beside the name of their attribute
COMMON = {"plain", "bright", "normal", "standard", "small", "large", "big", "left", "right", "high", "low", "new", "old",
          "red", "good", "bad", "front", "back", "top", "day", "open", "full", "first", "light", "dark"}  # fmt: skip
#: words for an image that may also be the name of an attribute
IMAGE_WORDS = {"picture", "image", "photo", "photograph"}
NUMBERLESS = ("n", "p", "q", "f1", "ece", "auc", "alpha", "ci")
#: other words for things in pictures
ALIASES = (("television", "tv"), ("television", "tv set"), ("television", "telly"), ("television", "screen"), ("tub", "bathtub"), ("tub", "bath tub"), ("sofa", "couch"), ("picture", "painting"), ("stools", "bar stools"), ("bike", "bicycle"), ("car", "automobile"),
           ("phone", "telephone"), ("cell phone", "mobile phone"), ("aeroplane", "airplane"), ("aeroplane", "plane"), ("fridge", "refrigerator"), ("glasses", "eyeglasses"),
           ("spectacles", "glasses"), ("person", "human"), ("dog", "puppy"), ("cat", "kitten"), ("lamp", "light fixture"), ("rug", "carpet"), ("ship", "boat"), ("lorry", "truck"))  # fmt: skip
_SUFFIX = re.compile(r"_(?:style|type|kind|colou?r|present|visible|shown)$|^has_")
_WITHOUT = re.compile(
    r"(?:\bwithout|\bno|\black(?:s|ing)?|\bmissing|\babsent|\bnon)[ -](?:an?\s+|the\s+|any\s+)?$",
    re.IGNORECASE,
)
_WITH = re.compile(
    r"\b(?:with|has|have|showing|show|shows|containing|contain|including|presence of|there's|there is)\s+(?:an?\s+|the\s+)?$",
    re.IGNORECASE,
)
_TRUE, _FALSE = {"yes", "true", "1", "present"}, {"no", "false", "0", "absent"}
_OF_IMAGES = re.compile(r" (?:deployment |evaluation |training |test )?(?:images|pictures|photos)\b")
_TIMES = re.compile(r" (?:as|more|less|larger|higher|that|the|its|in)\b")
_TWO_WORDS = re.compile(r"(?=\b(?P<both>[A-Za-z]{3,}[ -][A-Za-z]{3,})\b)")
_ITEM = re.compile(r"\d{1,2}")
_LIST = re.compile(
    r"\b(?P<name>[A-Za-z]\w+)s (?P<items>\d{1,2}(?:, \d{1,2})*,? (?:and|or) \d{1,2})\b(?! ?(?:%|points))"
)
_GENERIC = r"(?:an?|the|that|this|one|its|covered|visible|whole)\s+"


@dataclass(frozen=True, slots=True)
class Names:
    """What a stretch of text is about.

    Attributes:
        classes: class names.
        attributes: attribute names.
        values: (attribute, value) where the text says which value; presence reads as ``yes`` and ``no``.
        splits: ``data``, ``train``, ``deploy``, ``pool``.
        findings, evidence: ids as typed (``F3``, ``E2``).
    """

    classes: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    values: frozenset[tuple[str, str]] = frozenset()
    splits: frozenset[str] = frozenset()
    findings: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()

    def __or__(self, other: Names) -> Names:
        return Names(*(getattr(self, f) | getattr(other, f) for f in self.__slots__))

    @property
    def entities(self) -> frozenset[str]:
        """Classes and attributes together."""
        return self.classes | self.attributes


def only(names: frozenset[str]) -> str:
    """The one name of a set of one, else nothing."""
    return next(iter(names)) if len(names) == 1 else ""


NOBODY = Names()


@dataclass(frozen=True, slots=True)
class Mention:
    """One name where it stands. ``kind``: class, attribute, split, finding or evidence."""

    kind: str
    name: str
    value: str
    start: int
    end: int


def gather(mentions: Iterable[Mention], start: int = 0, end: int = 10**9) -> Names:
    """The names of the mentions that begin within a range."""
    found: dict[str, list[str]] = {"class": [], "attribute": [], "split": [], "finding": [], "evidence": []}
    values = []
    for mention in mentions:
        if start <= mention.start < end:
            found[mention.kind].append(mention.name)
            if mention.value:
                values.append((mention.name, mention.value))
    if not any(found.values()):
        return NOBODY
    return Names(
        frozenset(found["class"]), frozenset(found["attribute"]), frozenset(values), frozenset(found["split"]),
        frozenset(found["finding"]), frozenset(found["evidence"]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The names that exist in the case, ready to be found in text."""

    classes: tuple[str, ...]
    values: Mapping[str, frozenset[str]]
    _known: Mapping[str, tuple[str, str, str]] = field(default_factory=dict, repr=False)
    _pattern: re.Pattern[str] = field(default=re.compile(r"(?!)"), repr=False)
    _seen: dict[str, list[Mention]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, classes: Iterable[str], values: Mapping[str, Iterable[str]]) -> Lexicon:
        """Names of classes, and of attributes with their values."""
        known = {a: frozenset(str(v) for v in vs) for a, vs in values.items()}
        kept = tuple(classes)
        forms: dict[str, tuple[str, str, str]] = {}
        for attribute, several in known.items():
            for value in several:
                for form in _forms_of_value(attribute, value):
                    forms.setdefault(form, ("attribute", attribute, value))
            for form in {attribute, _SUFFIX.sub("", attribute)}:
                forms.setdefault(_key(form), ("attribute", attribute, ""))
        for name in kept:
            forms[_key(name)] = ("class", name, "")
        for one, other in ALIASES:
            for form, alias in ((one, other), (other, one)):
                for known_form, meant in list(forms.items()):
                    if form in known_form.split():
                        forms.setdefault(known_form.replace(form, alias), meant)
        texts = sorted((re.escape(f).replace(r"\ ", r"[_\s-]?") for f in forms), key=len, reverse=True)
        joined = "|".join(t + _plural(t) for t in texts)
        pattern = (
            re.compile(rf"(?<![\w=])(?:{joined})(?![\w=])", re.IGNORECASE) if texts else re.compile(r"(?!)")
        )
        squeezed = {k.replace(" ", ""): v for k, v in forms.items()}
        return cls(kept, known, squeezed, pattern)

    def mentions(self, text: str) -> list[Mention]:
        """Every name of ``text``, in order."""
        found = self._seen.get(text)
        if found is None:
            found = self._scan(text)
            if len(self._seen) < 4096:
                self._seen[text] = found
        return found

    def _scan(self, text: str) -> list[Mention]:
        made: list[Mention] = []
        taken: list[tuple[int, int]] = []
        for match in re.finditer(r"\b([A-Za-z][\w.-]*)\s*=\s*(very (?:high|low)\b|[\w.-]+)", text):
            if self._cased(match[1]) in self.values:
                name = self._cased(match[1])
                own = match[2].rstrip(".") in self.values[name]  # the 1 of "line=1" is no presence
                typed = match[2].rstrip(".") if own else _presence(match[2])
                value = next((v for v in sorted(self.values[name]) if _is_value(v, typed)), typed)
                made.append(Mention("attribute", name, value, *match.span()))
                taken.append(match.span())
        for match in self._pattern.finditer(text):
            if any(a < match.end() and match.start() < b for a, b in taken):
                continue
            found = self._known.get(_squeeze(match[0])) or self._known.get(
                _singular(_squeeze(match[0]), self._known)
            )
            if found is not None:
                made += self._named(found, match, text)
        made += self._in_two_words(text, made)
        for match in _LIST.finditer(text):  # "lines 1, 2 and 4"
            name = self._cased(match["name"])
            for one in _ITEM.finditer(text, match.start("items"), match.end("items")):
                if one[0] in self.values.get(name, frozenset()):
                    made.append(Mention("attribute", name, one[0], *one.span()))
        for name, pattern in SPLITS.items():
            made += [Mention("split", name, "", *m.span()) for m in pattern.finditer(text)]
        for match in re.finditer(r"\b([EF])(\d+)\b", text):
            if is_f1(text, match.start()):
                continue
            kind = "finding" if match[1] == "F" else "evidence"
            made.append(Mention(kind, match[0], "", *match.span()))
        return sorted(made, key=lambda m: m.start)

    def _in_two_words(self, text: str, made: Iterable[Mention]) -> list[Mention]:
        """``front yards`` of a class ``Frontyard``: a name that people write as two words."""
        taken = [(m.start, m.end) for m in made]
        found = []
        for match in _TWO_WORDS.finditer(text):
            start, end = match.span("both")
            key = _singular(_squeeze(match["both"]), self._known)
            kind, name, _ = self._known.get(key, ("", "", ""))
            if kind == "class" and not any(a < end and start < b for a, b in taken):
                found.append(Mention(kind, name, "", start, end))
        return found

    def _named(self, found: tuple[str, str, str], match: re.Match[str], text: str) -> list[Mention]:
        kind, name, value = found
        before, after = text[: match.start()], text[match.end() :]
        if match[0].lower() == "times" and _TIMES.match(after):
            return []  # "twice or three times as often"
        if kind == "class":
            return [Mention(kind, name, "", *match.span())]
        if not value and name in IMAGE_WORDS and not _is_thing(match[0], before, after):
            return []
        own = re.search(_key(_SUFFIX.sub("", name)), text, re.IGNORECASE)
        if value.lower() in COMMON and own is None and not _OF_IMAGES.match(after):
            return []
        if not value and self.values.get(name, frozenset()) & {"yes", "no"}:
            gone = re.match(
                r"-(?:less|free)\b| (?:is|are|was|were) (?:missing|absent|not (?:there|visible|shown|in view|in the picture)|gone)\b",
                after,
            )
            value = "no" if gone or _WITHOUT.search(before) else "yes" if _WITH.search(before) else ""
        return [Mention("attribute", name, value, *match.span())]

    def find(self, text: str) -> Names:
        """Everything that ``text`` names."""
        return gather(self.mentions(text))

    def _cased(self, name: str) -> str:
        """An attribute as the case writes it."""
        return next((a for a in self.values if a.lower() == name.lower()), name)

    def unknown(self, text: str) -> list[tuple[int, int, str]]:
        """Spans of ``attribute=value`` that the case does not have, with the reason."""
        made = []
        for match in re.finditer(r"\b([A-Za-z][\w.-]*)\s*=\s*([\w.-]+)", text):
            name, value = match[1], match[2].rstrip(".")
            if name.lower() in NUMBERLESS or (
                self._cased(name) not in self.values and re.fullmatch(r"[\d.]+", value)
            ):
                continue  # a measure: "acc = 0.535"
            name = self._cased(name)
            if name not in self.values:
                made.append((*match.span(), f"there is no attribute {name}"))
            elif self.values[name] and not any(_is_value(v, value) for v in self.values[name]):
                made.append((*match.span(), f"{name} has no value {value}"))
        return made


def is_f1(text: str, at: int) -> bool:
    """Whether ``F1`` at a place is the score and not the first finding."""
    before, after = text[max(0, at - 16) : at], text[at : at + 24]
    if not re.match(r"F1\b", after):
        return False
    if re.search(r"\bF(?:[2-9]|1\d)\b", text) and not re.match(r"F1(?:[- ]score| of| is \d)", after):
        return False
    return bool(
        (
            re.search(r"\b(?:macro|an|the|mean|average|its|and|of)[ -]?$", before, re.IGNORECASE)
            and not re.match(
                r"F1 (?:is (?:an?|con|ref|inc|open|stat)|and F|says|finds|holds|concerns)", after
            )
        )
        or re.match(r"F1(?:[- ]scores?| of| at| comes| falls| drops| rises| is \d|\s?[:=]?\s?\d)", after)
    )


def _key(name: str) -> str:
    return " ".join(re.split(r"[_\s-]+", name.strip().lower()))


def _squeeze(text: str) -> str:
    return re.sub(r"[_\s-]+", "", text.lower())


def _singular(key: str, known: Mapping[str, object]) -> str:
    return next((k for k in (key.removesuffix("s"), key.removesuffix("es"), key + "s") if k in known), key)


def _plural(text: str) -> str:
    return (
        r"?"
        if text.endswith("s") and len(text) > 3 and not text.endswith("ss")
        else r"(?:e?s)?"
        if text[-1].isalpha()
        else ""
    )


def _forms_of_value(attribute: str, value: str) -> list[str]:
    """How people say a value: by itself where it is a word of its own, else beside the attribute."""
    plain = _key(_SUFFIX.sub("", attribute))
    if value.isdigit() and len(value) <= 2 and plain.isalpha() and len(plain) > 2:
        return [f"{plain} {value}"]  # "line 3"
    if value.lower() in PLAIN_VALUES or value.replace(".", "").isdigit():
        return []
    if len(value) <= 2:
        return [f"{plain} {value.lower()}"]
    forms = [
        _key(value),
        f"{_key(value)} {plain}",
        f"{_key(value)}en {plain}",
        f"{_key(value)}ed {plain}",
        f"{_key(value)}d {plain}",
    ]
    if value.lower().endswith(("_like", "-like")):
        like = value[:-5].lower()
        forms += [
            f"{plain}s that look like {like}",
            f"{plain} that looks like a {like}",
            f"{plain} looks like a {like}",
        ]
    return forms


def _is_thing(word: str, before: str, after: str) -> bool:
    """``a picture`` on the wall, against the pictures of the case."""
    if word.lower().endswith("s"):
        return False
    return bool(
        re.search(
            r"\b(?:with|without|show|shows|has|have|contains?|mask\w*|hid\w*|cover\w*)\s+(?:an?|the|no)?\s*$",
            before,
            re.IGNORECASE,
        )
        or re.match(r"\s+box\b|=", after)
    )


def _is_value(known: str, typed: str) -> bool:
    """Whether a typed value is a known one, or the word before its bounds: ``blurred`` of ``blurred (< 2.15)``."""
    return known == typed or re.match(rf"{re.escape(typed)} (?:\(|[<>≤≥]|\d)", known) is not None


def _presence(value: str) -> str:
    value = value.rstrip(".")
    if value.lower() in _TRUE:
        return "yes"
    return "no" if value.lower() in _FALSE else value
