"""What a case contains, by name, and finding those names in a sentence that a person typed.

Names of classes, objects, attributes and images come from people's data. They are compared and copied, never read as
instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Literal

from failsight.knowledge_base.dictionary import dictionary
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.short_names import short_names
from failsight.knowledge_base.synonyms import SAME
from failsight.knowledge_base.two_classes import positive, words_for_positive
from failsight.knowledge_base.word_forms import stems

_TOKEN: Final = re.compile(r"[\w./\\#=%+-]*[\w%]")
# scripts that put no spaces between words, or hang endings on them: names are looked for inside of a run of letters
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_LATIN: Final = re.compile("[A-Za-zÀ-ɏ]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FILE: Final = re.compile(r"\.(jpe?g|png|bmp|gif|webp|tiff?|ppm)\Z", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"#\d{1,12}\Z")
_PICTURES: Final = frozenset({"image", "picture", "photo", "sample", "row", "img", "instance"})
_SPLITS: Final = (
    (
        "deploy",
        re.compile(
            r"\b(deploy(ment|ed)?|production|in the (wild|field))( (split|set|data|sample|images|pictures|photos))?\b"
        ),
    ),
    (
        "train",
        re.compile(
            r"\btrain(ing)?( |-)?(split|set|data|images|pictures|photos|samples|examples|labels?|labelling|annotations?)\b|\b(on|in) train\b"
        ),
    ),
    (
        "data",
        re.compile(
            r"\b(test|evaluation|eval|validation|held.?out)( |-)?(split|set|data|images|pictures|photos|samples)\b"
        ),
    ),
)
_METHODS: Final = (
    ("grad_cam", re.compile(r"\bgrad[ -]?cam\b")),
    ("layer_cam", re.compile(r"\blayer[ -]?cam\b")),
    ("integrated_gradients", re.compile(r"\bintegrated gradients?\b")),
    ("smoothgrad", re.compile(r"\bsmooth[ -]?grad\b")),
    ("rollout", re.compile(r"\battention rollout\b")),
    ("occlusion", re.compile(r"\bocclusion\b")),
)
Role = Literal["class", "object", "image", "attribute", "value", "finding", "evidence"]

# Everyday words that a fuzzy match must not take for a name.
_EVERYDAY: Final = (
    "model models image images picture pictures photo photos class classes label labels error errors wrong right what which "
    "where when would could should there their these those about other data dataset train training test testing look looks "
    "make makes made more most many much does have with from into often like show give tell best worst predict predicts "
    "predicted prediction predictions feature features confuse confused confusion object objects light dark bright better "
    "later letter matter cause caused called because reason while still start state score scores shape share then than them "
    "room rooms annotation annotations annotated texture textures border borders"
)
_PLAIN: Final = frozenset(_EVERYDAY.split())


@dataclass(frozen=True)
class Vocabulary:
    """The names that occur in a case.

    Attributes:
        classes: class names as the model gives them (``dining_room``).
        attributes: attribute name to its values.
        images: file names, relative to the data folder.
        tools: tool name to its argument names, for every tool that exists.
        objects: names of boxed objects (``television``).
        evidence: ids of evidence so far (``E4``).
        findings: ids of findings so far (``F1``).
    """

    classes: Sequence[str] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    images: Sequence[str] = ()
    tools: Mapping[str, Sequence[str]] = field(default_factory=dict)
    objects: Sequence[str] = ()
    evidence: Sequence[str] = ()
    findings: Sequence[str] = ()

    @cached_property
    def names(self) -> dict[tuple[str, ...], tuple[Role, str]]:
        """Word tuples (folded, singular) to what they name; classes win over objects, objects over attributes."""
        found: dict[tuple[str, ...], tuple[Role, str]] = {}
        kinds: tuple[tuple[Role, Iterable[str]], ...] = (
            ("class", self.classes),
            ("object", self.objects),
            ("attribute", self.attributes),
            ("value", [f"{a}={v}" for a, vs in self.attributes.items() for v in vs if tellable(str(v))]),
        )
        for role, values in kinds:
            for value in values:
                key = words_of(value.split("=", 1)[-1] if role == "value" else value)
                if key:
                    found.setdefault(key, (role, value))
        others = {w for key, (role, _) in found.items() if role != "class" for w in key}
        short = short_names({name: words_of(name) for name in self.classes}, others)
        return {**{(word,): ("class", name) for word, name in short.items()}, **found}

    @cached_property
    def spoken(self) -> dict[tuple[str, ...], tuple[Role, str]]:
        """Words for the class that is looked for, where a case has two and their names tell which it is: ``lesion``, ``defect``."""
        name = positive(self.classes)
        words = words_for_positive(self.classes) if name is not None else ()
        return {words_of(word): ("class", name) for word in words} if name is not None else {}

    @cached_property
    def unspaced(self) -> list[str]:
        """Names in scripts that don't part words, longest first."""
        values = (str(v) for vs in self.attributes.values() for v in vs)
        names = {n for n in (*self.classes, *self.objects, *self.attributes, *values) if _UNSPACED.search(n)}
        return sorted(names, key=lambda n: (-len(n), n))

    @cached_property
    def files(self) -> dict[str, str]:
        """Full name, base name and stem (in small letters) of every image to its name; ambiguous ones are left out."""
        return _files(tuple(self.images))

    @cached_property
    def read(self) -> dict[str, Mentions]:
        """Sentences to the names that were found in them: many readers look at one sentence of a turn."""
        return {}


@lru_cache(maxsize=2)
def _files(images: tuple[str, ...]) -> dict[str, str]:
    """Kept beyond a vocabulary, of which there is a new one after every measurement: there may be a million images."""
    found: dict[str, str | None] = {}
    for name in images:
        path = name.replace("\\", "/").lower()
        base = path.rpartition("/")[2]
        for key in {path, base, base.rpartition(".")[0] or base}:
            found[key] = name if found.get(key, name) == name else None
    return {key: name for key, name in found.items() if name is not None}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name found in a sentence: characters ``start`` to ``end``, what it is, and the case's own spelling of it.

    ``told``: a value or a limit that stands beside the name of its column, so that no other column can be meant.
    """

    role: Role
    name: str
    start: int
    end: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class Mentions:
    """All names found in a sentence, in order, and the sentence with them replaced by general words.

    Attributes:
        unknown_images: file names and row numbers (``#99``) that no evaluation image has.
    """

    sentence: str
    found: tuple[Mention, ...]
    masked: str
    unknown_images: tuple[str, ...] = ()

    def of(self, role: Role) -> list[str]:
        """The distinct names of one role, in order of appearance."""
        return list(dict.fromkeys(m.name for m in self.found if m.role == role))

    @property
    def split(self) -> str | None:
        """``train``, ``data`` or ``deploy`` if the sentence names one of them."""
        folded = fold(self.sentence)
        return next((name for name, pattern in _SPLITS if pattern.search(folded)), None)

    @property
    def method(self) -> str | None:
        """A saliency method named in the sentence."""
        folded = fold(self.sentence)
        return next((name for name, pattern in _METHODS if pattern.search(folded)), None)

    def number_after(self, word: str) -> int | None:
        """The whole number that follows ``word`` in the sentence (``top 5``)."""
        match = re.search(rf"\b{word}\D{{0,3}}(\d{{1,4}})\b", fold(self.sentence))
        return int(match.group(1)) if match else None


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name: camel case and separators split, small letters, singular."""
    return tuple(singular(w) for w in re.findall(r"[^\W_]+", fold(_CAMEL.sub(" ", name))))


def singular(word: str) -> str:
    """``word`` without a plural ending (English, crude): ``kitchens``, and ``5s`` where classes are digits."""
    if word.endswith("s") and word[:-1].isdecimal():
        return word[:-1]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def recognise(sentence: str, vocabulary: Vocabulary) -> Mentions:
    """Find the names of ``vocabulary`` in ``sentence``.

    Case, plural, underscores and joined words don't matter; one slip of the keyboard is forgiven in names of five
    letters and more, two from nine on, unless what was typed is a word of its own.
    """
    tokens = [part for m in _TOKEN.finditer(sentence) for part in _parted(m.group(), m.start(), vocabulary)]
    found: list[Mention] = []
    unknown: list[str] = []
    position = 0
    while position < len(tokens):
        mention, used = _at(tokens, position, vocabulary)
        if mention is not None and (
            _only_a_picture(tokens, position, mention) or _is_auxiliary(tokens, position, mention)
        ):
            mention = None
        if mention is not None:
            found.append(_as_written(mention, sentence, vocabulary))
        elif _FILE.search(tokens[position][0]) or (
            vocabulary.images and _NUMBERED.match(tokens[position][0])
        ):
            unknown.append(tokens[position][0])
        position += used
    return Mentions(sentence, tuple(found), masked(sentence, found), tuple(unknown))


def _as_written(mention: Mention, sentence: str, vocabulary: Vocabulary) -> Mention:
    """``mention`` of the class that stands there in full, where several have the same letters: ``C``, ``C++`` and ``C#``."""
    key = words_of(mention.name)
    alike = [c for c in vocabulary.classes if words_of(c) == key] if mention.role == "class" else []
    if len(alike) < 2:
        return mention
    for text, fold_name in ((sentence, str), (sentence.casefold(), str.casefold)):
        for name in sorted(alike, key=lambda c: -len(c)):
            at = text.find(fold_name(name), max(0, mention.start - len(name) + 1))
            if len(text) == len(sentence) and 0 <= at < mention.end:
                start, end = min(at, mention.start), max(at + len(name), mention.end)
                return Mention("class", name, start, end)
    return mention


def _parted(token: str, start: int, vocabulary: Vocabulary) -> list[tuple[str, int, int]]:
    """A run of letters cut at the names in it, where its script does not part words."""
    if not _UNSPACED.search(token) or not vocabulary.unspaced:
        return [(token, start, start + len(token))]
    pieces = (p for p in re.split(f"({'|'.join(map(re.escape, vocabulary.unspaced))})", token) if p)
    made = []
    for piece in pieces:
        made.append((piece, start, start + len(piece)))
        start += len(piece)
    return made


def strange_words(mentions: Mentions) -> list[str]:
    """Words in another script than the sentence's that name nothing: somebody's name for a class or a thing, not understood."""
    if not _LATIN.search(mentions.masked):
        return []
    return [
        m.group()
        for m in _TOKEN.finditer(mentions.sentence)
        if not _LATIN.search(m.group())
        and any(c.isalpha() for c in m.group())
        and not any(n.start < m.end() and m.start() < n.end for n in mentions.found)
    ]


def _numbered(tokens: list[tuple[str, int, int]], position: int, vocabulary: Vocabulary) -> Mention | None:
    """A finding or a piece of evidence by its id."""
    text, start, end = tokens[position]
    upper = text.upper().strip("#.")
    if upper in vocabulary.findings and not (upper == "F1" and _is_measure(tokens, position)):
        return Mention("finding", upper, start, end)
    return Mention("evidence", upper, start, end) if upper in vocabulary.evidence else None


def _is_measure(tokens: list[tuple[str, int, int]], position: int) -> bool:
    """Whether ``F1`` is the measure here (``the F1 of each class``) and not the first finding."""
    words = [t.lower() for t, _, _ in tokens]
    before, after = words[max(0, position - 2) : position], words[position + 1 : position + 3]
    if {"precision", "recall", "macro", "micro", "weighted", "accuracy", "per-class", "class-wise"} & {
        *before,
        *after,
    }:
        return True
    return bool(after) and (
        after[0] in ("score", "scores", "measure", "per", "values")
        or (
            len(after) > 1
            and after[0] in ("of", "for", "by")
            and after[1] in ("each", "every", "all", "the", "class")
        )
    )


_NAMES_A_THING_TEXT: Final = (
    "mask masks masking cover covers covering hide hides hiding remove removes removing rely relies use uses using attribute called named rename "
    "drop merge paste add insert restore check object box ignore ignoring without leave out"
)
_NAMES_A_THING: Final = frozenset(_NAMES_A_THING_TEXT.split())


def _only_a_picture(tokens: list[tuple[str, int, int]], position: int, mention: Mention) -> bool:
    """Whether ``picture`` means an image here, though something in the images is called so as well."""
    word = tokens[position][0].lower()
    if mention.role not in ("object", "attribute") or singular(word) not in _PICTURES:
        return False
    before = [t.lower() for t, _, _ in tokens[max(0, position - 3) : position]]
    after = [t.lower() for t, _, _ in tokens[position + 1 : position + 4]]
    if {"wall", "hanging", "framed"} & {*before, *after}:
        return False
    return word.endswith("s") or not _NAMES_A_THING & set(before)


#: names that are verbs as well, and what stands behind the verb
_AUXILIARIES: Final = frozenset({"can", "will", "may", "might", "must"})
_SUBJECTS: Final = frozenset({"you", "i", "we", "it", "they", "he", "she", "one", "somebody", "someone", "anybody", "that", "this", "be", "not", "also", "only", "do", "go", "use"})  # fmt: skip


def _is_auxiliary(tokens: list[tuple[str, int, int]], position: int, mention: Mention) -> bool:
    """Whether ``can`` is the verb here, though a class is called so: ``can you find out``."""
    word = tokens[position][0].lower() if position == 0 else tokens[position][0]
    if word not in _AUXILIARIES or mention.end != tokens[position][2] or position + 1 >= len(tokens):
        return False
    before = tokens[position - 1][0].lower() if position else ""
    return tokens[position + 1][0].lower() in _SUBJECTS and before not in (
        "the",
        "a",
        "an",
        "class",
        "called",
    )


def _at(
    tokens: list[tuple[str, int, int]], position: int, vocabulary: Vocabulary
) -> tuple[Mention | None, int]:
    text, start, end = tokens[position]
    if (numbered := _numbered(tokens, position, vocabulary)) is not None:
        return numbered, 1
    if (image := _image(text, vocabulary)) is not None:
        return Mention("image", image, start, end), 1
    if text.lower() in _PICTURES and position + 1 < len(tokens):  # image 12, but not: sample 12 images
        number, _, after = tokens[position + 1]
        then = tokens[position + 2][0].lower() if position + 2 < len(tokens) else ""
        if then.removesuffix("s") in _PICTURES and then.endswith("s"):
            return None, 1
        if (image := _row(number, vocabulary)) is not None:
            return Mention("image", image, start, after), 2
    for length in range(min(4, len(tokens) - position), 0, -1):
        span = tokens[position : position + length]
        words = tuple(w for t, _, _ in span for w in words_of(t))
        if not words:
            continue
        hit = (
            vocabulary.names.get(words)
            or vocabulary.spoken.get(words)
            or _joined(words, vocabulary)
            or _synonym(words, vocabulary)
        )
        if hit is not None:
            return Mention(hit[0], hit[1], start, span[-1][2]), length
    value = _adjective(tokens, position, vocabulary) or _inflected(tokens, position, vocabulary)
    if value is not None:
        return Mention("value", value, start, end), 1
    for length in range(min(3, len(tokens) - position), 0, -1):
        span = tokens[position : position + length]
        hit = _fuzzy(tuple(w for t, _, _ in span for w in words_of(t)), vocabulary)
        if hit is not None:
            return Mention(hit[0], hit[1], start, span[-1][2]), length
    return None, 1


def _adjective(tokens: list[tuple[str, int, int]], position: int, vocabulary: Vocabulary) -> str | None:
    """A value in the form of an adjective before its attribute: ``tiled floors`` for ``floor=tile``, ``wooden`` for ``wood``."""
    if position + 1 >= len(tokens):
        return None
    role, attribute = vocabulary.names.get(words_of(tokens[position + 1][0]), ("", ""))
    typed = words_of(tokens[position][0])
    if role != "attribute" or len(typed) != 1:
        return None
    for value in vocabulary.attributes.get(attribute, ()):
        key = words_of(str(value))
        if (
            len(key) == 1
            and len(key[0]) > 3
            and typed[0] in (f"{key[0]}{end}" for end in ("d", "ed", "en", "y"))
        ):
            return f"{attribute}={value}"
    return None


def _inflected(tokens: list[tuple[str, int, int]], position: int, vocabulary: Vocabulary) -> str | None:
    """A value in another form of its word: ``foggy`` for ``weather=fog``, ``raining`` for ``rain``; None where it may come from two."""
    before = fold(tokens[position - 1][0]) if position else ""
    behind = fold(tokens[position + 1][0]) if position + 1 < len(tokens) else ""
    forms = stems(fold(tokens[position][0]), before, behind)
    hits = {hit[1] for form in forms if (hit := vocabulary.names.get((form,))) and hit[0] == "value"}
    return hits.pop() if len(hits) == 1 else None


def _image(text: str, vocabulary: Vocabulary) -> str | None:
    if not vocabulary.images or not (any(c.isdigit() for c in text) or _FILE.search(text)):
        return None
    key = text.replace("\\", "/").strip("./#").lower()
    shown, _, place = text.upper().partition("#")
    if shown in vocabulary.evidence and place.isdecimal():  # E3#2, the second image of E3
        return f"{shown}#{place}"
    if key.isdigit():
        return _row(text, vocabulary) if text.startswith("#") else None
    return vocabulary.files.get(key)


def _row(text: str, vocabulary: Vocabulary) -> str | None:
    """The name of an image given by its row number, ``#12``; None for a number beyond the last one."""
    key = text.strip(".#")
    return (
        vocabulary.images[int(key)]
        if key.isdecimal() and len(key) < 10 and int(key) < len(vocabulary.images)
        else None
    )


@lru_cache(maxsize=1)
def _same() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    made: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for group in SAME:
        keys = [words_of(name) for name in group]
        for key in keys:
            made.setdefault(key, []).extend(k for k in keys if k != key)
    return made


def _synonym(words: tuple[str, ...], vocabulary: Vocabulary) -> tuple[Role, str] | None:
    """A class or thing of the case under another everyday name: ``TV``."""
    hits = [vocabulary.names[k] for k in _same().get(words, ()) if k in vocabulary.names]
    named = [hit for hit in hits if hit[0] in ("class", "object", "attribute")]
    return named[0] if named else None


def _joined(words: tuple[str, ...], vocabulary: Vocabulary) -> tuple[Role, str] | None:
    whole = "".join(words)
    if len(whole) < 5:
        return None
    for key, hit in vocabulary.names.items():
        if (len(key) > 1 or len(words) > 1) and "".join(key) == whole:
            return hit
    return None


def _fuzzy(words: tuple[str, ...], vocabulary: Vocabulary) -> tuple[Role, str] | None:
    if not words or (len(words) == 1 and (words[0] in _PLAIN or len(words[0]) < 4)):
        return None
    typed = " ".join(words)
    if len(words) == 1 and typed in dictionary():
        return None  # "worse" is a word, and no slip of "horse"
    if any(c.isdigit() for c in typed):
        return None
    best: tuple[int, tuple[Role, str]] | None = None
    several = False
    for key, hit in vocabulary.names.items():
        name = " ".join(key)
        allowed = 0 if len(name) < 5 else 1 if len(name) < 9 else 2
        if (
            not allowed
            or hit[0] == "value"
            or len(key) != len(words)
            or abs(len(name) - len(typed)) > allowed
            or (
                len(words) > 1
                and any(len(w) < 4 and distance(w, k, 1) > 1 for w, k in zip(words, key, strict=True))
            )
        ):
            continue
        away = distance(typed, name, allowed)
        if away > allowed or (best is not None and away > best[0]):
            continue
        tied = best is not None and away == best[0] and hit != best[1]
        best, several = (away, hit), tied
    return best[1] if best and not several else None  # two names equally near: neither is taken


def distance(a: str, b: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between ``a`` and ``b``; ``limit + 1`` if there are more."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row, previous = row, [i], before
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def tellable(value: str) -> bool:
    """Whether a value can be recognised in a sentence: yes, no, true and bare numbers can't."""
    folded = fold(value).strip()
    return (
        len(folded) > 2
        and folded not in {"yes", "no", "true", "false", "none", "nan", "other", "unknown"}
        and not folded.isdigit()
    )


_GENERAL: Final[Mapping[Role, tuple[str, str]]] = {
    "class": ("this class", "the other class"),
    "object": ("this object", "the other object"),
    "image": ("this image", "the other image"),
    "attribute": ("this attribute", "this attribute"),
    "value": ("like this", "like this"),
    "finding": ("this finding", "this finding"),
    "evidence": ("this evidence", "this evidence"),
}


def masked(sentence: str, found: Sequence[Mention]) -> str:
    """The sentence with its names replaced by general words."""
    seen: dict[Role, list[str]] = {}
    parts: list[str] = []
    last = 0
    for mention in found:
        names = seen.setdefault(mention.role, [])
        if mention.name not in names:
            names.append(mention.name)
        parts += [sentence[last : mention.start], _GENERAL[mention.role][min(1, names.index(mention.name))]]
        last = mention.end
    return "".join([*parts, sentence[last:]])
