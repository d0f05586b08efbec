"""Things that a sentence treats as attributes of the images and that the case does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.lexicon import HEDGE, NEGATION
from failsight.agent.grounding.names import ALIASES, Lexicon
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.things import STRANGE
from failsight.agent.state import CaseState

_DET = r"(?:an? |the |any |no |some )?"
_SLOTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:images?|pictures?|photos?|ones|{classes})\s+(?:with|without|showing|that (?:show|have|contain)|containing)\s+(?:an? |the )(?P<thing>[a-z][a-z_-]+)",
        r"\b(?:images?|pictures?|photos?|rooms?) with (?P<thing>[a-z][a-z_-]+s)\b",
        r"\b(?:come|comes|appear|appears) with an? (?P<thing>[a-z][a-z_-]+)",
        r"\b(?:mask(?:ing|ed)?|hid(?:ing|den)|cover(?:ing|ed)?|remov(?:ing|ed)) (?:of )?the (?P<thing>[a-z][a-z_-]+)",
        r"\bthe (?P<thing>[a-z][a-z_-]+) (?:as a sign of|as a shortcut|is masked|was masked|is covered|is hidden|box\b)",
        r"\b(?:relies|rely|depends?|keys|latches) (?:up)?on (?:an? |the )?(?P<thing>[a-z][a-z_-]+)",
        r"\bconcerns? the (?P<thing>[a-z][a-z_-]+) (?:as|shortcut|cue)",
        r"\bthe (?P<thing>[a-z][a-z_-]+) is an? (?:\w+ )?(?:shortcut|cue|sign)\b",
        r"\brooms? (?:with|without|showing) (?:an? |the )(?P<thing>[a-z][a-z_-]+)",
        r"\bshow(?:s|ed)? an? (?P<thing>[a-z][a-z_-]+)",
        r"\bsaliency (?:\w+ ){0,3}(?:on|to) the (?P<thing>[a-z][a-z_-]+)",
    )
)
#: words that may stand in such places and name no thing in a picture
_PLAIN = {
    "what",
    "which",
    "how",
    "where",
    "whether",
    "them",
    "it",
    "this",
    "those",
    "these",
    "one",
    "each",
    "any",
    "some",
    "all",
    "its",
    "that",
    "such",
    "both",
    "matter",
    "point",
    "image",
    "images",
    "picture",
    "pictures",
    "photo",
    "photos",
    "class",
    "classes",
    "label",
    "labels",
    "model",
    "error",
    "errors",
    "answer",
    "answers",
    "score",
    "scores",
    "test",
    "cue",
    "cues",
    "region",
    "regions",
    "box",
    "patch",
    "area",
    "background",
    "object",
    "objects",
    "attribute",
    "attributes",
    "thing",
    "things",
    "pixel",
    "pixels",
    "rest",
    "other",
    "others",
    "same",
    "whole",
    "confidence",
    "mean",
    "median",
    "share",
    "rate",
    "gap",
    "difference",
    "effect",
    "drop",
    "fall",
    "loss",
    "result",
    "number",
    "value",
    "wrong",
    "right",
    "high",
    "higher",
    "low",
    "lower",
    "large",
    "larger",
    "small",
    "smaller",
    "big",
    "bigger",
    "clear",
    "strong",
    "weak",
    "similar",
    "different",
    "similarly",
    "few",
    "new",
    "single",
    "more",
    "less",
    "better",
    "worse",
    "good",
    "bad",
    "precision",
    "recall",
    "accuracy",
    "f1",
    "bias",
    "trend",
    "tendency",
    "certain",
    "given",
    "sample",
    "set",
    "split",
    "group",
    "slice",
    "evaluation",
    "deployment",
    "training",
    "pool",
    "data",
    "shortcut",
    "evidence",
    "finding",
    "covered",
    "masked",
    "hidden",
    "visible",
    "blur",
    "control",
    "equally",
    "very",
    "much",
    "most",
    "least",
    "first",
    "second",
    "third",
    "half",
    "quarter",
    "lot",
    "problem",
    "total",
    "distinct",
    "corner",
    "corners",
    "border",
    "centre",
    "center",
    "quality",
    "jpeg",
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "colourfulness",
    "size",
    "probability",
    "standard",
    "interval",
    "confusion",
    "mistake",
    "question",
    "pattern",
    *("place", "spot", "part", "position", "rectangle", "square", "strip", "band", "piece", "bit", "side", "edge", "middle", "top", "bottom"),
}  # fmt: skip
_QUANTITY = re.compile(
    r"\d|\b(?:more|less|fewer|most|least|often|rarely|never|always|because|due to|rel(?:y|ies)|sign|shortcut|caus\w+|confirmed|refuted)\b",
    re.IGNORECASE,
)


#: another noun behind a word, which only describes that one
_OF_ANOTHER = re.compile(
    r" (?!(?:is|are|was|were|has|have|had|in|on|at|of|to|for|from|by|with|and|or|but|as|than|that|which|who|where|when|while|because|it|they|the|an?|this|these|more|most|"
    r"less|fewer|often|only|alone|also|too|not|never|always|fails?|failed|makes?|made|pulls?|draws?|cannot|can|could|may|might|will|would|does|do|did|gets?|goes|go|"
    r"there|here|is|so|its|their|rather|about|against|seems?|looks?|lowers?|raises?|changes?|matters?|helps?|box|\w+ed|\w+ly|\w+ing)\b)[a-z]+"
)


def strangers(at: Reading, lexicon: Lexicon, *, looked: bool = False) -> Iterator[tuple[int, int, str]]:
    """(start, end in the sentence, reason) of each such thing.

    Args:
        looked: pictures of the case were looked at: what a sentence only describes, without a number, a comparison or a cause, may be seen there.
    """
    part = at.part
    if looked and not _QUANTITY.search(re.sub(r"\b[EF]\d+(?:#\d+)?", "", part)):
        return
    names = "|".join(re.escape(c).replace("_", "[_ ]") + "s?" for c in lexicon.classes) or "classes"
    known = [(m.start - at.sentence.start, m.end - at.sentence.start) for m in at.mentions]
    seen: set[int] = set()
    for slot in _SLOTS:
        pattern = re.compile(slot.pattern.replace("{classes}", names), re.IGNORECASE)
        for match in pattern.finditer(part):
            start, end = match.span("thing")
            for _ in range(2):  # "a long vanity top": the last noun is the thing
                end = behind.end() if (behind := _OF_ANOTHER.match(part, end)) is not None else end
            word = part[start:end].split()[-1].lower()
            if (
                start in seen
                or word in _PLAIN
                or match["thing"].isupper()
                or word.removesuffix("s") in _PLAIN
                or word.endswith(
                    (
                        "ly",
                        "ing",
                        "er",
                        "est",
                        "tion",
                        "sion",
                        "ment",
                        "ness",
                        "ity",
                        "ance",
                        "ence",
                        "ency",
                        "ism",
                    )
                )
            ):
                continue
            if any(a <= end + 2 and start < b for a, b in known):
                continue
            seen.add(start)
            yield start, end, f"there is no attribute {word}"


def known_words(state: CaseState, lexicon: Lexicon) -> frozenset[str]:
    """Every word that the record of a case uses: its task, its names, what was measured and proposed."""
    texts = [*lexicon.classes, *lexicon.values, *(v for vs in lexicon.values.values() for v in vs), ""]
    texts += [str(state.config.get("task") or "")]
    for made in state.evidence:
        texts += [
            made.title,
            made.summary,
            *made.notes,
            *made.next_steps,
            *(f"{f.name} {f.of}" for f in made.facts),
        ]
        texts += [str(c) for t in made.tables for r in (t.columns, *t.rows) for c in r if isinstance(c, str)]
        texts += [c.action for c in made.corrections]
    texts += [said.text for said in state.said if said.role != "planner"]
    known = {_singular(w) for t in texts for w in re.findall(r"[a-z]+", t.lower())}
    known |= {w for pair in ALIASES if known & set(pair) for w in pair}
    return frozenset(known)


_IDIOM = re.compile(r"\bby (?:only |just )?a (?:hair|mile|whisker)$", re.IGNORECASE)


def unseen(at: Reading, known: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Things in pictures that the record knows nothing of, where a sentence says something of them."""
    if HEDGE.search(at.part) or NEGATION.search(at.part):
        return
    named = [(m.start - at.sentence.start, m.end - at.sentence.start) for m in at.mentions]
    for match in re.finditer(r"[A-Za-z]+(?:-[a-z]+)*", at.part):
        if any(a <= match.start() < b for a, b in named) or _IDIOM.search(at.part[: match.end()]):
            continue
        whole = _singular(match[0].lower())
        if re.match(r"s?\s(?:to|by|from|below|under)\b", at.part[match.end() :]) and match[0].lower() in (
            "sinks",
            "sink",
            "ships",
            "saws",
            "rocks",
        ):
            continue  # a verb
        if re.search(r"\blike\b[^.;]*$", at.part[: match.start()]):
            return  # a simile
        strange = whole in STRANGE and whole not in known and not all(w in known for w in whole.split("-"))
        if strange and not any(
            len(w) > 3 and whole.startswith(w) for w in known
        ):  # "greyscale" of what is grey
            yield match.start(), match.end(), f"nothing in the record is about {whole}"


_ORIGIN = re.compile(
    r"\b(?:images?|pictures?|photos?|photographs?|labels?|data)\b[^.;,]{0,20}?\b(?:come|comes|came|stem|stems|originate|originates|(?:are|is|were|was) (?:\w+ )?(?:taken|collected|drawn|made|downloaded|scraped|bought))"
    r" (?:from|by|in|with|on) (?:an? |the |some |old |many )?(?P<where>[a-z]+(?: [a-z]+)?)",
    re.IGNORECASE,
)


def origins(at: Reading, known: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Where pictures or labels are said to come from, of which the record and the task say nothing."""
    for match in _ORIGIN.finditer(at.part):
        words = match["where"].lower().split()
        if (
            match["where"].isupper()
            or HEDGE.search(at.part)
            or NEGATION.search(at.part[: match.start("where")])
        ):
            continue
        if len(words[0]) > 3 and not any(_singular(w) in known for w in words):
            yield *match.span("where"), "nothing in the record says where they come from"


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
