"""A sentence read once: what it names and where, and which class it says is taken for which."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from failsight.agent.grounding.names import Lexicon, Mention, Names, gather
from failsight.agent.grounding.numbers import Sentence
from failsight.agent.grounding.sources import NOTHING

_TAKEN = re.compile(
    r"\b(?:taken for|mistaken for|confused with|called|answer(?:ed)? (?:with|as|by)|classified as|predicted (?:as|to be)|read as|seen as|"
    r"ends? up as|becomes?|became|turns? into|turned into|misread as|passes for|mixed up with|go(?:es)? down as|labelled|counted as|passed off as|sorted (?:as|into|under)|(?:spread|scattered|distributed) over|(?:filed|put|booked|logged|lumped|landed?|classed|categori[sz]ed|tagged|marked|grouped|shelved) (?:under|in|into|with|as|down as)|slips? into|drifts? (?:to|into|towards)|mistook for|confused (?:with|for)|swapped for|misclassified (?:as|into)|misidentified as|misattributed to|gets? (?:the answer|the label)|as)\b|→|->",
    re.IGNORECASE,
)


_ALSO = re.compile(
    r"(?:s|es)? ?(?:\([^()]*\))?,? (?:and |or )?(?:then |next |followed by |sometimes |more rarely )?(?:as|for|to|with|by)? ?(?:an? |the )?",
    re.IGNORECASE,
)
_THEN_SAYS = re.compile(
    r"\b(?:says?|answers?|calls? (?:it|them)|guess(?:es)?|picks?|goes for|opts for)(?: \w+)? (?:an? |the )?$",
    re.IGNORECASE,
)
_ERRS = re.compile(
    r"\b(?:errs?|wrong|fails?|misses|missed|misread\w*|mistakes?|errors?|misclassif\w+)\b", re.IGNORECASE
)
_SAYS_FOR = re.compile(r"\b(?:says?|answers?|predicts?|gives?|calls?)\b", re.IGNORECASE)


REVERSE = re.compile(
    r"\brevers\w*|\bother way\b|\bother direction\b|\bvice versa\b|\bopposite\b|\bconverse\w*|\bthe other\b(?= \d|$)",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def _about(whole: Names, carried: Names) -> Names:
    return whole if whole.entities else whole | replace(carried, splits=NOTHING)


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence with its names, read once."""

    text: str
    sentence: Sentence
    mentions: tuple[Mention, ...]
    whole: Names
    carried: Names
    pairs: tuple[tuple[str, str], ...]

    @property
    def part(self) -> str:
        """The words of the sentence."""
        return self.text[self.sentence.start : self.sentence.end]

    @property
    def about(self) -> Names:
        """What it names, or what was spoken of before."""
        return _about(self.whole, self.carried)


def read(text: str, sentence: Sentence, lexicon: Lexicon, carried: Names) -> Reading:
    """Read one sentence: names with places in the whole text, and which class is taken for which."""
    part = text[sentence.start : sentence.end]
    shift = sentence.start
    mentions = tuple(replace(m, start=m.start + shift, end=m.end + shift) for m in lexicon.mentions(part))
    mentions = tuple(m for m in mentions if not _set_against(m, mentions, text))
    return Reading(text, sentence, mentions, gather(mentions), carried, pairs_in(text, mentions))


_OTHER_THAN = re.compile(r"\bother \w+ than (?:an? |the )?$", re.IGNORECASE)


def _set_against(mention: Mention, mentions: Sequence[Mention], text: str) -> bool:
    """``a shower instead of a tub``: the tub is not what it is about."""
    if mention.kind == "attribute" and _OTHER_THAN.search(text[: mention.start]):
        return True  # "other backgrounds than the border"
    twice = mention.kind == "attribute" and any(
        m.name == mention.name and m.start < mention.start for m in mentions
    )
    return (
        twice
        and re.search(r"\b(?:instead of|rather than|not|no) (?:an? |the )?$", text[: mention.start])
        is not None
    )


def pairs_in(text: str, mentions: Sequence[Mention]) -> tuple[tuple[str, str], ...]:
    classes = [m for m in mentions if m.kind == "class"]
    made = _direct(text, classes)
    for one, other in itertools.pairwise(classes):  # "A are taken for B in 16 %, B for A in 1 %"
        said = re.search(r"\b(?:for|as|with|by)$", text[: other.start].rstrip())
        if (
            made
            and said
            and re.fullmatch(
                r"(?:s|es)?(?: images| pictures)? (?:(?:only|just|hardly|almost|never|ever|rarely|seldom|much|less|more|often|sometimes|far|very|a|little) ){0,3}(?:for|as|with|by) (?:an? )?",
                text[one.end : other.start],
            )
            and one.name != other.name
        ):
            made.setdefault((one.name, other.name), None)
    for than in re.finditer(
        r"\bthan (?:with|for|as|by) ", text[classes[0].start : classes[-1].start] if classes else ""
    ):
        spot = classes[0].start + than.end()
        behind = next((m for m in classes if m.start >= spot), None)
        if behind is not None and made:  # "more often than with C": the same class taken for C
            first = next(iter(made))
            made[first[0], behind.name] = None
    ends = {m.start for one, m in itertools.pairwise(classes) if (one.name, m.name) in made}
    for one, other in itertools.pairwise(classes):  # "A and B are called C": A too
        source = next((a for a, b in made if b == one.name), "")
        joined = (
            re.search(
                r"^(?: \(?(?:in )?[\d.,]+(?: ?%| of [\d.,]+)?(?: (?:cases|times|images))?\)?)?,? ?(?:and|or)? ?[\d.,]{0,6} ?%? ?(?:times )?(?:as |to |for )?(?:an? |the )?$",
                text[one.end : other.start],
            )
            is not None
        )
        if (
            joined
            and source
            and one.start in ends
            and not any(a == other.name for a, _ in made)
            and other.name != source
        ):
            made[source, other.name] = None
        if made and re.fullmatch(r"(?:s|es)? ", text[one.end : other.start]) and one.name != other.name:
            made.setdefault((one.name, other.name), None)  # "7 A were called B, and 3 Bs As"
        if re.search(
            r"^(?:s|es)?(?: images)?,? (?:and|or)\b|^(?:s|es)?, ", text[one.end : other.start]
        ) and not _TAKEN.search(text[one.end : other.start]):
            made |= (
                {}
                if one.start in ends
                else {(one.name, c): None for b, c in made if b == other.name and c != one.name}
            )
    return tuple(made)


def _direct(text: str, classes: Sequence[Mention]) -> dict[tuple[str, str], None]:
    """Pairs of which the text between the two classes says that one is taken for the other."""
    made: dict[tuple[str, str], None] = {}
    for one, other in itertools.pairwise(classes):
        between = text[one.end : other.start]
        if one.name == other.name or len(between) > 90 or re.search(r"\bas \w+ as\b", between):
            continue
        source = next((a for a, b in made if b == one.name), "")
        following = next((m.start for m in classes if m.start > other.start), len(text))
        again = _TAKEN.search(text[other.end : following]) is not None and not _ALSO.fullmatch(
            text[other.end : following]
        )
        if (
            source and source != other.name and not again and _ALSO.fullmatch(between)
        ):  # "A as B (61), then as C"
            made[source, other.name] = None
        elif _TAKEN.search(between) or (
            _THEN_SAYS.search(between) and _ERRS.search(text[max(0, one.start - 60) : one.end + len(between)])
        ):
            made[one.name, other.name] = None
        elif re.search(r"\b(?:for|when (?:it|the model) sees|on|to|in)\b", between) and _SAYS_FOR.search(
            text[max(0, one.start - 40) : one.start]
        ):
            made[other.name, one.name] = None
    return made
