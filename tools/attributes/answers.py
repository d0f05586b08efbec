"""What models answer, made into the values of an attribute: cleaned, one spelling each, rare ones dropped.

Answers are data. Whatever they say, at most a few words of them are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from failsight.tools.attributes.definitions import plain
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.inputs.encoders import Encoder

MOST_WORDS = 4  # longer answers are sentences, not values
LONGEST = 40  # characters
MOST_VALUES = 12
FEWEST = 2  # answers that a value needs, so that one odd answer makes no value
LEAST_SHARE = 0.03
ALIKE = 0.95  # cosine of two text embeddings from which the words may mean the same …
APART = 0.1  # … if it also lies so far above that of the other words: a space that can't tell words apart merges nothing
_MARKUP = re.compile(r"<[^>]{0,200}>|&[a-z]{2,8};|```\w*", re.IGNORECASE)
_ARTICLE = re.compile(
    r"^(?:(?:it|this|that|they|there)(?:'s| is| are)?|the|an?|is|are|some|mostly|very)\s+", re.IGNORECASE
)
_EDGES = " \t\n.,;:!?\"'`*_()[]{}<>|/\\#-–—"
_SAME = {
    "grey": "gray", "tv": "television", "tv set": "television", "couch": "sofa", "true": "yes", "yeah": "yes",
    "yep": "yes", "false": "no", "nope": "no", "wooden": "wood", "woman": "female",
    "women": "female", "man": "male", "men": "male", "blonde": "blond",
}  # fmt: skip
_UNKNOWN = {
    "unknown",
    "not sure",
    "unsure",
    "n/a",
    "na",
    "i don't know",
    "idk",
    "nothing",
    "image",
    "picture",
    "photo",
    "unclear",
    "other",
}


def tidy(answer: str, about: str = "") -> str:
    """One answer as a value: lower case, no markup, no article, its first clause; empty where it is no value.

    Args:
        about: the attribute's name, which some answers repeat (``red color`` → ``red``).
    """
    text = _MARKUP.sub(" ", clean(answer, 400))
    text = re.split(r"[.,;:\n|!?]", text.strip(_EDGES), maxsplit=1)[0].strip(_EDGES).casefold()
    while (shorter := _ARTICLE.sub("", text)) != text:
        text = shorter
    words = text.split()
    for word in plain(about).split():
        if len(words) > 1 and word in words:
            words.remove(word)
    text = " ".join(words).strip(_EDGES)
    text = _SAME.get(text, text)
    if not text or text in _UNKNOWN or text == plain(about) or len(words) > MOST_WORDS or len(text) > LONGEST:
        return ""
    return text if any(c.isalnum() for c in text) else ""


def singular(text: str) -> str:
    """What a word and its plural have in common. Only for telling them to be the same, not for showing."""
    words = text.split()
    last = words[-1] if words else ""
    if last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif last.endswith(("ches", "shes", "xes", "sses")):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")) and len(last) > 3:
        last = last[:-1]
    return " ".join([*words[:-1], last])


@dataclass(frozen=True, slots=True)
class Values:
    """The values found for one attribute.

    Attributes:
        values: most frequent first.
        counts: how many answers stand behind each.
        asked: how many answers there were.
        note: what was merged and dropped, as a sentence; empty when nothing was.
    """

    values: tuple[str, ...]
    counts: tuple[int, ...]
    asked: int
    note: str = ""


def gathered(answers: Sequence[str], about: str = "", encoder: Encoder | None = None) -> Values:
    """The values behind ``answers`` to one question: spellings, plurals and (with an encoder) synonyms merged.

    A value needs at least two answers and 3 % of them.
    """
    tidied = [tidy(a, about) for a in answers]
    counts = Counter(t for t in tidied if t)
    groups: dict[str, Counter[str]] = {}
    for text, n in counts.items():
        groups.setdefault(singular(text), Counter())[text] += n
    shown = {key: min(by, key=lambda t: (-by[t], t)) for key, by in groups.items()}
    totals = Counter({shown[key]: by.total() for key, by in groups.items()})
    merged = [sorted(by) for by in groups.values() if len(by) > 1]
    if encoder is not None and len(totals) > 2:
        for word, into in synonyms(totals, encoder, about).items():
            totals[into] += totals.pop(word)
            merged.append([into, word])
    least = max(FEWEST, LEAST_SHARE * len(answers))
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    kept = [(t, n) for t, n in ranked if n >= least][:MOST_VALUES]
    rare = [t for t, _ in ranked if t not in dict(kept)]
    notes = [f"{listing(group)} count as one" for group in merged]
    notes += [f"left out as rare: {listing(rare)}"] if rare else []
    unusable = len(tidied) - counts.total()
    notes += [f"{unusable} of {len(answers)} answers were no values"] if unusable else []
    return Values(tuple(t for t, _ in kept), tuple(n for _, n in kept), len(answers), "; ".join(notes))


def synonyms(counts: Mapping[str, int], encoder: Encoder, about: str = "") -> dict[str, str]:
    """Word → the more frequent word that means the same, by the encoder's text embeddings.

    Two words are the same when their cosine is at least ``ALIKE`` and lies ``APART`` above the median over all pairs.
    """
    words = sorted(counts, key=lambda w: (-counts[w], w))
    vectors = np.asarray(encoder.embed_texts([f"{w} {about}".strip() for w in words]), np.float64)
    if not np.isfinite(vectors).all():
        return {}
    close = vectors @ vectors.T
    usual = float(np.median(close[np.triu_indices(len(words), 1)]))
    made: dict[str, str] = {}
    for j, word in enumerate(words):
        for i in range(j):
            if (
                words[i] not in made
                and close[i, j] >= max(ALIKE, usual + APART)
                and {words[i], word} != {"yes", "no"}
            ):
                made[word] = words[i]
                break
    return made


def question_for(name: str, thing: str = "", *, there: bool = False) -> str:
    """What a model is asked about an attribute (HiBug, equation 1): *What is the colour of the sofa in the image?*

    Args:
        thing: what the attribute belongs to; empty where it is the picture's own.
        there: whether the attribute says if something is there: then a yes/no question.
    """
    name, thing = plain(clean(name, 80)), plain(clean(thing, 60))
    if there:
        article = "an" if name[:1] in "aeiou" else "a"
        return f"Is there {article} {name} in the image?"
    return (
        f"What is the {name} of the {thing} in the image?" if thing else f"What is the {name} in the image?"
    )
