"""Some images of what was just counted or measured: ``show me three of them``, ``ten of the wrong ones``, ``five random errors``.

The number that is said is kept. Counts, pictures and confusions are shown by the conditions that they were made with; of all
other evidence its own images are picked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting import words as counting_words
from failsight.agent.planners.slots import SPLIT_WORDS, splits
from failsight.agent.planners.steps import largest_confusion
from failsight.tools.experiments.population import apart
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence, ImageRef

TOOL: Final = "show_images"
LONGEST: Final = 100  # characters
_GROUPS: Final = ("evaluate", "compare_group")  # what speaks of all images that meet its conditions
MOST: Final = 48  # images that are shown at once
_NUMBERS: Final = {
    **{w: n for w, n in counting_words.NUMBERS.items() if n > 1},
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "couple": 2, "pair": 2, "dozen": 12,
}  # fmt: skip
_VERBS: Final = frozenset(
    ["show", "see", "look", "view", "display", "give", "list", "open", "pull", "bring", "get", "take"]
)
_THEM: Final = frozenset(["them", "those", "these"])
_PICTURES: Final = frozenset(["image", "images", "picture", "pictures", "photo", "photos", "pic", "pics", "shots", "example", "examples", "sample", "samples", "ones"])  # fmt: skip
_WRONG: Final = frozenset(["wrong", "wrongly", "incorrect", "incorrectly", "misclassified", "mispredicted", "mistaken", "mistake", "mistakes", "error", "errors", "failure", "failures", "misses", "blunders"])  # fmt: skip
_RIGHT: Final = frozenset(["right", "correct", "rightly", "correctly"])
_RANDOM: Final = frozenset(["random", "randomly", "arbitrary"])
_WORST: Final = frozenset(["worst", "top", "biggest", "suspicious", "first", "surest"])
_UNSURE: Final = frozenset(["unsure", "uncertain", "doubtful"])
_REST: Final = frozenset(
    [
        "so",
        "and",
        "but",
        "ok",
        "okay",
        "now",
        "then",
        "well",
        "please",
        "hey",
        "yes",
        "can",
        "could",
        "would",
        "may",
        "will",
        "you",
        "i",
        "we",
        "want",
        "need",
        "to",
        "like",
        "i'd",
        "let",
        "let's",
        "me",
        "us",
        "just",
        "only",
        "at",
        "up",
        "the",
        "of",
        "a",
        "an",
        "any",
        "some",
        "few",
        "all",
        "quick",
        "quickly",
        "out",
        "from",
        "among",
        "in",
        "on",
        "for",
        "chosen",
        "drawn",
        "picked",
        "selected",
        "answered",
        "classified",
        "predicted",
        "which",
        "that",
        "are",
        "were",
        "is",
        "most",
        "it",
        "gets",
        "got",
        "model",
        "again",
        "here",
        "there",
        "too",
        "also",
        "set",
        "data",
        "one",
    ]
)
_NOT_ONE: Final = re.compile(r"\bone (?:of|random|example|image|picture|photo|wrong|error)\b|\bone\W*$", re.IGNORECASE)  # fmt: skip
_WORDS: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Some:
    """So many images of what was spoken of. ``outcome``: ``wrong``, ``correct`` or empty. ``order``: as ``show_images`` has it."""

    number: int | None
    outcome: str = ""
    order: str = ""
    split: str = ""
    pointed: bool = False  # "of them": surely of what came before
    bare: bool = False  # "top 20": of pictures only where pictures were shown


def wanted(mentions: Mentions) -> Some | None:
    """How many images of what came before a sentence asks for; None for every other sentence.

    Args:
        mentions: the names of the case in the sentence; a sentence with any is a wish of its own.
    """
    text = mentions.sentence
    if len(text) > LONGEST or mentions.found or mentions.unknown_images or re.search(r"[#%=<>]", text):
        return None
    named = splits(text)
    said = [w for w in _WORDS.findall(text.lower().replace("’", "'")) if w not in _split_words(text)]
    numbers = [int(w) if w.isdecimal() else _NUMBERS[w] for w in said if w.isdecimal() or w in _NUMBERS]
    if not numbers and _NOT_ONE.search(text):
        numbers = [1]
    if "half" in said and "dozen" in said:
        numbers, said = [6], [w for w in said if w != "half"]
    kinds = (_VERBS, _THEM, _PICTURES, _WRONG, _RIGHT, _RANDOM, _WORST, _UNSURE, _REST)
    plain = [w for w in said if not w.isdecimal() and w not in _NUMBERS]
    if len(numbers) > 1 or any(n < 1 for n in numbers) or any(not any(w in k for k in kinds) for w in plain):
        return None
    has = [bool(set(plain) & kind) for kind in kinds[:-1]]
    verb, them, pictures, wrong, right, random, worst, unsure = has
    if (wrong and right) or len(named) > 1:
        return None
    points = verb or them or (numbers != [1] and (pictures or wrong or worst))  # "the first one" is a choice
    asks = bool(numbers) and points
    if not asks and not (verb and them and (wrong or right or random)):
        return None
    order = "any" if random else "unsure" if unsure else ""
    outcome = "wrong" if wrong else "correct" if right else ""
    number = min(MOST, numbers[0]) if numbers else None
    bare = not (verb or them or pictures or wrong)
    return Some(number, outcome, order, named[0] if named else "", them, bare)


def _split_words(text: str) -> frozenset[str]:
    """The words of a sentence that name a split."""
    return frozenset(w for m in SPLIT_WORDS.finditer(text) for w in _WORDS.findall(m[0].lower()))


def answered(case: Case, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The images that a sentence asks for of what was last counted or measured; None where it asks for none of these.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    some = wanted(mentions) if TOOL in registry() else None
    if some is None:
        return None
    turn, made = _last(case, before)
    if some.bare and (made is None or made.tool != TOOL):
        return None  # the first ones of a list
    if made is None or turn is None:
        return _of_all(case, some, mentions.sentence)
    given = _conditions(made, some, turn.said)
    if given is None:
        return _listed(case, made, some)
    why = prompts.say("why.showing", question=clean(mentions.sentence, 120), evidence=made.id)
    return _call(given, some, why)


_THOSE: Final = re.compile(
    r"^\W*(?:(?:so|and|now|then|ok(?:ay)?|please|can you|could you)\b\W*)*(?:show|give|open|list)(?: me| us)? (?P<some>(?:a few|some|\w+) (?:of )?)?(?:those|these) (?P<what>(?:wrong |right )?[\w -]{2,40}?)"
    r"(?:[,;.!?]+|(?:,? and)\b|$)\W*(?:and )?(?P<sure>(?:tell me )?how (?:sure|confident|certain) .{0,40})?\W*$",
    re.IGNORECASE,
)


def those(case: Case, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """``show me a few of those dogs, and how sure it was``: pictures of a class in the group that was spoken of last, with the mean confidence
    that belongs to them; None for every other sentence."""
    found, named = _THOSE.match(mentions.sentence), mentions.of("class")
    if found is None or TOOL not in registry() or len(named) != 1 or len(mentions.found) != 1:
        return None
    known = {e.id: e for e in case.state().evidence}
    turn = next((t for t in reversed(before) if any(a.evidence in known for a in t.acts)), None)
    made = [known[a.evidence] for a in turn.acts if a.evidence in known] if turn is not None else []
    lead = f"true={named[0]}"
    one = next(
        (
            e
            for e in made
            if lead in _texts(e.arguments.get("among")) or e.arguments.get("true_class") == named[0]
        ),
        None,
    )
    one = one or next((e for e in made if e.tool in ("count_images", "compare_group", TOOL)), None)
    if one is None or turn is None:
        return None
    wrong = re.search(r"\bwrong\b", found["what"], re.IGNORECASE) is not None
    number = number_of(next(iter((found["some"] or "").split()), ""))
    some = Some(number, "wrong" if wrong else "")
    named_beforehand = one.tool in _GROUPS  # a group that was tested: all its images, whatever came of them
    given = (
        {"where": "&".join(_texts(one.arguments.get("where")))}
        if named_beforehand
        else _conditions(one, some, turn.said)
    )
    if given is None:
        return None
    held = [c for c in apart(str(given.get("where") or "")) if c and not c.startswith("true=")]
    given |= {"class_name": named[0], "where": "&".join(held)}
    return _call(
        given, some, prompts.say("why.showing", question=clean(mentions.sentence, 120), evidence=one.id)
    )


def number_of(word: str) -> int | None:
    """The number that a word says; None for any other word."""
    return int(word) if word.isdecimal() else _NUMBERS.get(word.lower())


def _last(case: Case, before: Sequence[Turn]) -> tuple[Turn | None, Evidence | None]:
    """The newest turn in which something was measured, and its first evidence; what failed is nothing to be shown."""
    known = {e.id: e for e in case.state().evidence}
    for turn in reversed(before):
        made = next((known[a.evidence] for a in turn.acts if a.evidence in known), None)
        if made is not None:
            return turn, made
    return None, None


def _of_all(case: Case, some: Some, question: str) -> AIMessage:
    """Wrong or right images of all, where nothing was measured that they could be of; that there is nothing, where any are meant."""
    if not some.outcome:
        return words.message(prompts.say("show.nothing"), words.choices(case))
    why = prompts.say("why.question", question=clean(question, 120))
    return _call({"where": some.outcome}, some, why)


def _call(given: Mapping[str, Any], some: Some, why: str) -> AIMessage:
    from failsight.agent.planners.words import call

    more = {"split": some.split, "k": some.number, "order": some.order}
    made = {**given, **{k: v for k, v in more.items() if v}}
    return call(TOOL, {k: v for k, v in made.items() if v}, why)


def _conditions(made: Evidence, some: Some, said: str) -> dict[str, Any] | None:
    """What ``show_images`` is asked for, so that it shows what this evidence speaks of; None where the evidence's own images are it."""
    of = made.arguments
    split = str(of.get("split") or "data")
    given: dict[str, Any] = {"split": "" if split == "data" else split}
    where: list[str] = []
    if made.tool == "count_images":
        where = [*_texts(of.get("among")), *_having(of, said)]
    elif made.tool == TOOL:
        given |= {k: of.get(k) for k in ("class_name", "predicted_class", "order") if of.get(k)}
        where = apart(str(of.get("where") or ""))
    elif made.tool == "confusion_matrix":
        pair = of.get("true_class"), of.get("predicted_class")
        if not any(pair) and not some.outcome:
            pair = largest_confusion(made.to_dict()) or (None, None)
        given |= {"class_name": pair[0], "predicted_class": pair[1]}
        where = [] if all(pair) or some.outcome else ["wrong"]
    elif some.outcome and (made.tool in _GROUPS or not made.images):
        given["class_name"] = of.get("class_name")
        where = _texts(of.get("where"))
    else:
        return None
    if some.outcome:
        where = [*(c for c in where if c not in ("wrong", "correct")), some.outcome]
    given["where"] = "&".join(dict.fromkeys(c for c in where if c))
    return given


def _having(of: Mapping[str, Any], said: str) -> list[str]:
    """What was counted among the images. Of an accuracy these are all the images that it is of, and not only the right ones."""
    having = _texts(of.get("having"))
    rate = having == ["correct"] and not re.search(r"\b(?:how many|right|correct\w*)\b", said, re.IGNORECASE)
    return [] if rate else having


def _texts(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else [str(one) for one in given or ()]


def _listed(case: Case, made: Evidence, some: Some) -> AIMessage:
    """Some of the evidence's own images, by the names under which they can be asked about."""
    shown = [(n, one) for n, one in enumerate(made.images, 1) if _fits(one, some)]
    if not shown:
        key = "show.none" if not made.images else f"show.none_{some.outcome or 'there'}"
        return words.message(prompts.say(key, evidence=made.id), words.choices(case))
    if some.order == "any":
        drawn = np.random.default_rng([case.seed, len(shown)]).permutation(len(shown))
        shown = [shown[i] for i in drawn]
    picked = shown[: some.number or MOST]
    lines = [prompts.say("show.picked", evidence=made.id, shown=len(picked), count=len(made.images))]
    for number, one in picked:
        says = f": {clean(one.label, 40)}, called {clean(one.prediction, 40)}" if one.prediction else ""
        lines.append(f"- `{made.id}#{number}` {clean(one.path, 80)}{says}")
    return words.message("\n".join(lines), [f"Explain {made.id}#{picked[0][0]}", *words.choices(case)])


def _fits(one: ImageRef, some: Some) -> bool:
    if some.split and one.split != some.split:
        return False
    if not some.outcome:
        return True
    known = bool(one.label and one.prediction)
    return known and (one.label != one.prediction) == (some.outcome == "wrong")
