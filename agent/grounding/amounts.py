"""Amounts in words: most, hardly any, mostly, the only one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.measures import Measures, Side, noun, side_of
from failsight.agent.grounding.names import gather, only
from failsight.agent.grounding.reading import Reading

_MOSTLY = re.compile(
    r"\b(?:mostly|mainly|usually|predominantly|most often|most frequently|chiefly|above all)\b", re.IGNORECASE
)

MOST = re.compile(
    r"(?<!cost )(?<!costs )(?<!has )(?<!have )(?<!make )(?<!makes )(?<!lose )(?<!loses )(?<!with )(?<!differs )(?<!with the )\b(?:(?:almost|nearly|practically|virtually) (?:all|every(?! (?:second|other|third|fourth|fifth|tenth))|none|no)|not (?:one|a single)(?= (?:\w+ )?(?:image|picture|photo))|(?<!there is )(?<!has )(?<!have )no(?= (?:training|evaluation|deployment) (?:image|picture|photo)\b)|hardly any|scarcely any|next to none|very few|only a few|few|most|the (?:vast )?majority|the bulk|a (?:small )?minority)"
    r"(?: of)?(?: the| all| its| these)? (?:\w+ )?(?:\w+ )?(?:images?|pictures?|photos?|rooms?|ones?|answers?|predictions?|cases?|(?!of\b|frequent|common|likely|often)\w+s)\b(?: in \w+)?",
    re.IGNORECASE,
)


_MOST_ARE = re.compile(
    r"\b(?:most|the majority|nearly all|almost all|few|hardly any)\b(?= (?:of them |of these )?(?:are|were|is|get|go|end|land|come)\b)",
    re.IGNORECASE,
)


def mostly(at: Reading, measures: Measures) -> Iterator[Claim]:
    """What a class is mostly taken for."""
    match = _MOSTLY.search(at.part)
    if match is None or not at.pairs or at.whole.attributes:
        return
    split = next(iter(at.about.splits), "data") if len(at.about.splits) == 1 else "data"
    true, said = at.pairs[0]
    values = {p: v for p, v in measures.by_pair(split).items() if p[0] == true}
    if len(values) < 2:
        return
    ok = values.get((true, said), (0.0, ""))[0] == max(v for v, _ in values.values())
    start = at.sentence.start + match.start()
    yield weighed(
        "rank", start, start + len(match[0]), ok, (values[true, said][1],) if ok else (), "another one is"
    )


def majority(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``Most of … are wrong``: more than half."""
    match = MOST.search(at.part) or (_MOST_ARE.search(at.part) if at.pairs else None)
    metric = noun(at.part[match.end() :]) or noun(at.part) if match else ""
    if match is None or re.search(r"\bcosts? (?:the )?$", at.part[: match.start()]):
        return
    if at.pairs:
        yield from _sum_of_pairs(at, match, measures)
        return
    if re.search(r"\berrors?\b|\bmistakes?\b", match[0]) and "confiden" in at.part and not at.whole.entities:
        sure = measures.value("confident_errors", Side())
        if sure is not None and re.search(r"9\d ?%|\bhigh\b|\bnine", at.part):
            denied = re.search(r"n't |\bnot ", at.part[match.end() :]) is not None
            ok = _amounts(match, 100 - sure[0] if denied else sure[0])
            start = at.sentence.start + match.start()
            yield weighed("rank", start, start + len(match[0]), ok, (sure[1],), "it is not as many")
        return
    if metric not in ("error", "recall", "accuracy"):
        yield from _having(at, match, measures)
        return
    about = at.about
    inner = gather(
        at.mentions, at.sentence.start + match.start(), at.sentence.start + match.end() + 24
    ).splits
    split = only(inner) or (next(iter(about.splits), "data") if len(about.splits) == 1 else "data")
    if re.search(r"\banswers?\b|\bpredictions?\b", match[0]) and len(about.classes) == 1:
        right = measures.value("precision", side_of(about, split))
        found = (100 - right[0], right[1]) if right else None
    else:
        found = measures.value("error", side_of(about, split))
    if found is None:
        return
    denied = re.search(r"n't |\bnot ", at.part[match.start() : match.end() + 12]) is not None
    ok = _amounts(match, found[0] if (metric == "error") != denied else 100 - found[0])
    start = at.sentence.start + match.start()
    yield weighed("rank", start, start + len(match[0]), ok, (found[1],), "it is not most of them")


def _sum_of_pairs(at: Reading, match: re.Match[str], measures: Measures) -> Iterator[Claim]:
    """``Of the bathrooms it misses, most are filed under kitchen or living room``."""
    true = {a for a, _ in at.pairs}
    if len(true) != 1 or not re.search(
        r"\bmiss|\bwrong|\berror|\bmistak|\bmisread|\bfail", at.part, re.IGNORECASE
    ):
        return
    split = only(at.about.splits) or "data"
    mine = {p: v for p, v in measures.by_pair(split).items() if p[0] in true}
    total = sum(v for v, _ in mine.values())
    if total:
        ok = _amounts(match, 100 * sum(mine.get(p, (0.0, ""))[0] for p in at.pairs) / total)
        start = at.sentence.start + match.start()
        yield weighed(
            "rank",
            start,
            start + len(match[0]),
            ok,
            (next(iter(mine.values()))[1],),
            "it is not most of them",
        )


_ALONE = re.compile(
    r"\b(?:the only|the one|the single|only one) (?:class|room|one|kind|type|category)(?:es|s)?\b[^.;]{0,24}?\b(?:that|which|whose|where|not|to)\b(?P<what>[^.;]*)|\b(?:are|is) the only \w+ (?:that|which|to|whose)\b(?P<what2>[^.;]*)",
    re.IGNORECASE,
)

_GROWS = re.compile(r"\b(?:gain|improv|ris|increas|better|benefit|profit|grow)\w*", re.IGNORECASE)

_SHRINKS = re.compile(
    r"\b(?:fall|fell|los[es]|lost|drop|suffer|declin|decreas|worse|deteriorat|shrink)\w*", re.IGNORECASE
)


def alone(at: Reading, measures: Measures) -> Iterator[Claim]:
    """``The only class that does not fall in deployment``: no other one does, and it does."""
    match = _ALONE.search(at.part)
    if match is None or len(at.whole.classes) != 1 or at.whole.attributes:
        return
    what = match["what"] or match["what2"] or ""
    up, down = _GROWS.search(what), _SHRINKS.search(what)
    split = only(at.about.splits - {"data"}) or "deploy"
    drops = measures.by_class("drop", split)
    if bool(up) == bool(down) or len(drops) < 2:
        return
    denied = re.search(r"\bnot\b|n't\b|\bwithout\b|\bnever\b", at.part[match.start() :]) is not None
    grows = bool(up) != denied
    those = {c for c, (v, _) in drops.items() if (v < 0) == grows}
    ok = those == set(at.whole.classes)
    start = at.sentence.start + match.start()
    yield weighed(
        "rank",
        start,
        start + 8,
        ok,
        (drops[only(at.whole.classes)][1],) if ok else (),
        "the record says otherwise",
    )


_AMOUNTS = (
    (r"almost all|nearly all|practically all|virtually all|almost every|nearly every|practically every", 85, 100), (r"all\b|every\b", 100, 100),
    (r"almost none|hardly any|almost no\b|practically no\b|scarcely any|next to none|very few", 0, 12), (r"none\b|no\b|not one|not a single", 0, 0),
    (r"most|the (?:vast )?majority|the bulk|more often than not", 50, 100), (r"few|only a few|a minority|a small minority", 0, 40),
)  # fmt: skip


def _amounts(match: re.Match[str], share: float) -> bool:
    """Whether a share of 0 to 100 is what a word such as ``most`` or ``hardly any`` says."""
    said = match[0].lower()
    low, high = next(((a, b) for p, a, b in _AMOUNTS if re.match(p, said)), (50, 100))
    return low - 0.05 <= share <= high + 0.05


def _having(at: Reading, match: re.Match[str], measures: Measures) -> Iterator[Claim]:
    """``Most training bathrooms had a shower``: how frequent it is."""
    if len(at.whole.attributes) != 1 or not _SHOWN.search(at.part) or re.search(r"mask|hid|cover", at.part):
        return
    cuts = [m.start() for m in re.finditer(r", (?:yet|but|while|whereas|though)\b|; ", at.part)]
    end = at.sentence.start + next((c for c in cuts if c > match.start()), len(at.part))
    begin = at.sentence.start + max((c for c in cuts if c <= match.start()), default=0)
    split = only(gather(at.mentions, begin, end).splits) or only(at.about.splits) or "data"
    for classes in (at.about.classes, frozenset[str]()):
        found = measures.value("frequency", Side(classes, at.whole.values, at.whole.attributes, split))
        if found is not None:
            ok = _amounts(match, found[0])
            start = at.sentence.start + match.start()
            yield weighed("rank", start, start + len(match[0]), ok, (found[1],), "it is not as many")
            return


_SHOWN = re.compile(
    r"\b(?:shows?|showed|ha[sd]|have|contain\w*|with|come|comes|appear\w*|include\w*|carr(?:y|ies|ied))\b",
    re.IGNORECASE,
)
