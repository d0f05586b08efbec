"""Suspicions in plain words as typed hypotheses: ``I think it uses the television to say living room``.

Read by rules over the names of the case. What a rule can read only half is asked about; what is no suspicion at all is
left to the question bank.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from failsight.agent.planners.exceptions import (
    confuses_things,
    denies,
    denies_reason,
    is_exception,
    without_what_is_set_aside,
)
from failsight.knowledge_base.arguments import directions, place
from failsight.knowledge_base.vocabulary import Mention, Mentions, strange_words

_I = r"\b(?:i|we)(?:'d| would| had|'ve| have)?(?: also| really| rather| just| still| do)?"
OPINION = re.compile(
    rf"{_I} (?:think|believe|suspect|doubt|guess|bet|reckon|suppose|assume|fear|feel|imagine|say|presume|expect)\b"
    r"|\b(?:an?|the|another) (?:feeling|hunch|theory|suspicion|hypothesis|idea|impression)\b"
    r"|\bmy (?:own |first |best )?(?:guess|hunch|theory|hypothesis|suspicion|feeling|bet|impression|idea|conjecture|assumption|presumption|claim)\b"
    r"|\b(?:maybe|perhaps|probably|possibly|presumably|apparently|likely|surely)\b"
    r"|\b(?:could|might|may|must) (?:well )?be\b|\b(?:it|this|that|the model|the network) (?:seems?|appears?|looks? like)\b"
    r"|\bhypothesis\s*:|\bi'?m (?:fairly |pretty |quite |almost )?(?:sure|certain|convinced)\b",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^\W*(?:so |and |but |ok(?:ay)? |well |then )*(?:what|which|why|how|does|do|is|are|can|could|would|should|did|has|have|where|when|who|whose|"
    r"was|were|will|show|give|tell|let|list|test|check|mask|cover|hide|remove|add|paste|put|insert|swap|replace|explain|compare|find|"
    r"plot|draw|rename|merge|drop|measure|run|count|pick|select|suggest|propose|come|group|keep|take|turn|make|rotate|blur|please)\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"^\W*(?:and |but |so |well |ok(?:ay)?,? |also )*(?:it|they|this|that|these|those|the|a|an|some|many|most|few|every|all|my|our|there|here|images?|pictures?|photos?|"
    r"shots?|whenever|when|if|as soon as|every time|without|with|in|on|at|to me|dark|bright|blurr?y|labels?|annotators?|too|not enough|something|someone|training|"
    r"deployment|production|test)\b",
    re.IGNORECASE,
)
_WONDER = re.compile(
    r"\bwonder\b|\bnot sure (?:if|whether)\b|\bwould like to (?:know|see)\b|\bwant to (?:know|see)\b",
    re.IGNORECASE,
)
_PLAN = re.compile(r"\b(?:should|need to|want to|like to|let'?s|have to)\b", re.IGNORECASE)

_CALLED = re.compile(
    r"\b(?:(?:mis)?taken|took|mistook|mistakes?|called|labell?ed|classified|predicted|recogni[sz]ed|confused|seen|read|identified|tagged|come out|"
    r"came out|end(?:s|ed)? up|turns? (?:in)?to|become|passes|pass|go(?:es)?|filed)\b(?: \w+){0,2}? ?(?:for|as|with|into|to|in|under)?",
    re.IGNORECASE,
)
_FAIL = re.compile(
    r"\b(?:fail\w*|err(?:s|ors?)?|wrong|mistakes?|struggl\w+|trouble|hard(?:er)?|difficult\w*|wors[et]|weak\w*|problem\w*|confus\w+|break\w*|"
    r"bad(?:ly)?|mess\w*|suffer\w*|poor(?:ly)?|misclassif\w+|throw\w* (?:it|the model) off|(?:can'?t|cannot) (?:cope|handle|deal)|falls? apart|"
    r"goes? wrong|stumbl\w+|fooled|fool|mislead\w*|blind spot|achilles)\b",
    re.IGNORECASE,
)
_SIGN = re.compile(
    r"\b(?:us(?:es?|ing)|rel(?:y|ies|ying)|depends?|goes (?:by|for|with)|go (?:by|for)|takes?|sign|signal|short-?cut|cue|clue|proxy|crutch|means?|"
    r"because of|mak(?:es?|ing)|says?|answers?|thinks?|calls?|outputs?|predicts?|gives? (?:it )?away|trigger\w*|associat\w+|learn(?:ed|t|s)?|"
    r"whenever|when(?:ever)? there|every time|as soon as|recogni[sz]\w*|identif\w+|tells?|pulls?|leads?|drives?|looks? (?:at|for)|fixat\w+|"
    r"equals?|latch\w*|responsible|decid\w+|depend\w*|cheat\w*|spurious\w*|watermark|latches|keys? on|hooked on|obsess\w*|all about|reason|due to)\b|[=→]|->",
    re.IGNORECASE,
)
_SHORTCUT = re.compile(
    r"\b(?:short-?cuts?|proxy|crutch|spurious\w*|(?:cue|clue|sign|signal|give-?away)s? (?:for|of|that))\b",
    re.IGNORECASE,
)
_UNUSED = re.compile(
    r"\b(?:doubt (?:that )?(?:it|the model|the network) (?:even |really |actually )?(?:uses|looks|sees|notices|cares|needs)|ignor\w+|overlook\w*|neglect\w*|disregard\w*|blind to|pays? no (?:attention|heed)|no use of|never (?:even )?(?:looks?|uses?|sees?|notices?)|"
    r"does(?:n'?t| not)(?: even| really| actually| ever)? (?:look at|use|see|notice|care|consider|pay|need|take|mind|rely)|"
    r"do(?:n'?t| not) matter|does(?:n'?t| not)(?: even| really)? matter)\b",
    re.IGNORECASE,
)  # fmt: skip
_TOO_MUCH = re.compile(
    r"\btoo (?:much|strongly|heavily|hard|often)\b|\bover-?(?:rel|emphas|weigh|weight|use)\w*|\btoo great\b|\bexcessive\w*",
    re.IGNORECASE,
)
_SELDOM = re.compile(
    r"\b(?:rare\w*|hardly (?:ever|any)|seldom|too few|not enough|aren'?t enough|never (?:seen|occur\w*|in)|few examples|scarce\w*|"
    r"uncommon|under-?represented|missing (?:from|in)|barely|not many|absent)\b",
    re.IGNORECASE,
)
_TRAINING = re.compile(r"\b(?:train\w*|taught|learn\w*|seen)\b", re.IGNORECASE)
_WHOLE: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            "label_noise",
            r"\bmis-?label\w*|\b(?:labell?ed|annotated|tagged) (?:wrong|wrongly|incorrectly|badly)\b|\b(?:wrong|incorrect|noisy|bad|false|faulty)(?:ly)? (?:labels?|labell?ed|annotat\w+|tags?)|\blabels? (?:noise|errors?|mistakes?)"
            r"|\b(?:labels?|annotations?|ground truth)\b(?! (?:as|as an?)\b).*\b(?:wrong|incorrect|noisy|bad|off|unreliable|mistakes?|errors?|swapped|trust\w*)\b"
            r"|\b(?:annotator|labell?er|people who labell?ed)\w*\b.*\b(?:mistakes?|errors?|wrong\w*|sloppy|careless\w*|slip\w*|mixed|err(?:ed|s)?)"
            r"|\b(?:somebody|someone|people|they|we) (?:have |has )?(?:labell?ed|annotated|tagged)\b.*\b(?:wrong|wrongly|incorrectly|badly)",
        ),
        (
            "class_order",
            r"\b(?:class(?: names?| order)|outputs?|names of the classes|order of the (?:classes|outputs))\b.*\b(?:wrong order|another order|other order|"
            r"permuted|shuffled|mixed up|swapped|exchanged|out of order|misordered)\b|\bwrong (?:class|output) order\b",
        ),
        (
            "leakage",
            r"\bleak\w*|\b(?:test|evaluation|eval|held.?out)\b.*\b(?:in|into|among|part of|also|inside)\b.*\btrain"
            r"|\btrain\w*\b.*\b(?:contain|include|has|have)\w*\b.*\b(?:test|evaluation)\b|\b(?:same|identical|duplicate\w*)\b.*\b(?:train\w*.*test|test.*train\w*|both)"
            r"|\bseen (?:some of )?(?:the|these|those) (?:test|evaluation)\b",
        ),
        (
            "preprocessing",
            r"\bpre-?process\w*|\bnormali[sz]\w*|\bchannels?\b|\bbgr\b|\brgb\b|\b(?:fed|feed|feeding)\b.*\b(?:wrong|incorrect|other|different)\w*"
            r"|\bwrong(?:ly)? (?:resiz|crop|scal|fed)\w*|\b(?:resiz|crop|scal)\w+\b.*\bwrong\b",
        ),
        ("overfitting", r"\bover-?fit\w*|\bmemori[sz]\w*|\bby heart\b|\brote\b"),
        (
            "underfitting",
            r"\bunder-?fit\w*|\bunder-?trained\b|\bnot (?:been )?trained (?:long|for long|well|hard)? ?enough\b|\btrain\w*\b.*\btoo (?:short|little|briefly|few epochs)"
            r"|\bstopped (?:training )?too (?:early|soon)|\bhas(?:n'?t| not) (?:learn\w+|converged)|\bmore epochs\b",
        ),
        (
            "overconfidence",
            r"\bover-?confiden\w*|\b(?:too|far too|way too|overly) (?:sure|certain|confident)|\bsurer than\b|\bsure of itself\b",
        ),
        (
            "distribution_shift",
            r"\b(?:distribution|domain|covariate|data) (?:shift|drift)\w*|\bdrift\w*"
            r"|\b(?:deploy\w*|field|production|users?'?|real.world|live|wild)\b.*\b(?:differ\w*|shift\w*|unlike|nothing like|not like|another|other)\b"
            r"|\b(?:differ\w*|unlike|nothing like)\b.*\b(?:deploy\w*|field|production|users?|real.world|wild)\b",
        ),
    )
)
_LABELLERS = re.compile(r"(?:annotator|labell?er|rater)", re.IGNORECASE)
_FEW = re.compile(
    r"\bimbalanc\w*|\bunder-?represented\b|\b(?:too|very|so) few\b|\b(?:not|aren'?t|n'?t|isn'?t) enough\b|\bfewer\b|\bnot many\b|\btoo little\b|\bscarce\b|\bout ?number\w*|\bunbalanced\b",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(
    r"\b(?:without|no|lack\w*|missing|misses|(?:is|are|has|have|do|does)(?:n'?t| not)(?: (?:have|show|contain|any|an?|the))*|absent|absence of|free of)"
    r"(?: (?:any|an?|the|visible|there))*\s*$",
    re.IGNORECASE,
)
_GONE_AFTER = re.compile(r"^\s*(?:is|are) (?:missing|absent|not there|gone)\b", re.IGNORECASE)
_HAVING = re.compile(
    r"\b(?:with|having|has|have|that show|showing|contain\w*|there(?:'s| is| are|'re)|where|including|plus|and|when)(?: (?:an?|the|any|some|one|their|its|big|small|visible))*\s*$",
    re.IGNORECASE,
)
_IT_IS = re.compile(
    r"\bit'?s\b|\bit is\b|\bit (?:uses|relies|goes|looks|has)\b|\bbecause of\b|\bhas (?:something )?to do with\b|\b(?:theory|idea|guess)\b|\bhypothesis\b|\bsuspicio\w+|"
    r"\bsuspect\b|\bhunch\b|\bblame\b|\bcaused? by\b|\bdue to\b",
    re.IGNORECASE,
)
#: words for what is measured of every picture, where no attribute of the case has the name: (measure, low end)
_LOOKS = (
    ("brightness", True, re.compile(r"\b(?:dark\w*|night(?:time)?|dim(?:ly)?|low.light|little light|poor light(?:ing)?|unlit|gloomy|under-?exposed)\b(?! (?:skin|hair|eye|fur|coat)\w*)", re.IGNORECASE)),
    ("brightness", False, re.compile(r"\b(?:bright\w*|over-?exposed|glare|sunny|too light)\b", re.IGNORECASE)),
    ("sharpness", True, re.compile(r"\b(?:blurr?\w*|out of focus|unsharp|fuzzy)\b", re.IGNORECASE)),
    ("contrast", True, re.compile(r"\b(?:low.contrast|flat|washed.out|hazy|foggy)\b", re.IGNORECASE)),
    ("saturation", True, re.compile(r"\b(?:pale|grey(?:ish)?|colourless|desaturated)\b", re.IGNORECASE)),
    ("width", True, re.compile(r"\b(?:(?:small|tiny|little) (?:images?|pictures?|photos?|files?|ones?)|thumbnails?|low.res(?:olution)?)\b", re.IGNORECASE)),
)  # fmt: skip
#: a question that is answered by yes or no, and that asks whether such pictures do worse
_YES_OR_NO = re.compile(
    r"^\W*(?:so |and |but |ok(?:ay)? |well |then |hm+ )*(?:is|does|do|are|could|can|might|may|will|would|has|did|was)\b",
    re.IGNORECASE,
)
_WORSE = re.compile(
    r"\b(?:worse|worst|weak(?:er)?|fail(?:s|ing|ures?)?|struggl\w+|trouble|hard(?:er)?|more (?:often )?(?:wrong|errors?|mistakes?)|(?:more )?misclassif\w+|"
    r"wrong more|err(?:s|ors?)? more|less (?:accurate|reliable|sure)|more difficult)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suspicion in the arguments of ``state_hypothesis``; ``look`` where a group is named by how pictures look."""

    arguments: dict[str, Any] = field(default_factory=dict)
    look: tuple[str, bool] | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """A suspicion that can be read only half: what is missing (``class``, ``cue`` or ``what``) or in the way (``exception``,
    ``denied``, ``name``), and what was understood."""

    missing: str
    cue: str = ""
    class_name: str = ""


def suspicion(mentions: Mentions) -> Proposal | Unclear | None:
    """The typed hypothesis that the sentence states; what is unclear of it; None when it states none."""
    text = mentions.sentence.strip()
    if text.endswith("?") or _WONDER.search(text):
        return _wondered(mentions)
    opinion = OPINION.search(text) is not None
    if not opinion and _ASKING.match(text):
        return _wondered(mentions)
    if not opinion and not _states(mentions):
        return None
    reader = _Reader(without_what_is_set_aside(mentions))
    made = reader.read()
    if isinstance(made, Proposal):
        return _in_the_way(mentions, reader) or made
    if made is not None:
        return made
    if not opinion or _PLAN.search(text):
        return None
    if not reader.classes and reader.cue is None and (group := reader.of_looks()) is not None:
        return group
    return reader.unclear() if _IT_IS.search(text) or reader.cue or reader.classes else None


def _in_the_way(mentions: Mentions, reader: _Reader) -> Unclear | None:
    """What keeps a suspicion that could be read from being what the person said."""
    strange = strange_words(mentions)
    if (
        strange
    ):  # a class or a thing that the case does not have: without it the suspicion would be a broader one
        return Unclear("name", strange[0])
    if is_exception(reader.text):
        return Unclear("exception")
    if reader.denied or denies_reason(reader.text):
        return Unclear("denied")
    return None


def _wondered(mentions: Mentions) -> Proposal | None:
    """``is it worse at night?``: a group of pictures that no attribute of the case names; the bank knows the attributes."""
    text = mentions.sentence
    if not (_YES_OR_NO.match(text) or _WONDER.search(text)) or not _WORSE.search(text) or mentions.split:
        return None
    if any(m.role != "class" for m in mentions.found):
        return None
    made = _Reader(mentions).of_looks()
    return made if made is not None and made.look is not None else None


def _states(mentions: Mentions) -> bool:
    """Whether the sentence begins as a statement does: with a name, a pronoun, a word for pictures, or a condition."""
    text = mentions.sentence
    start = len(text) - len(text.lstrip(" \"'("))
    return _SUBJECT.match(text) is not None or any(m.start == start for m in mentions.found)


class _Reader:
    """One sentence, taken apart."""

    def __init__(self, mentions: Mentions) -> None:
        self.mentions = mentions
        self.text = mentions.sentence
        self.classes = mentions.of("class")
        self.objects = [m for m in mentions.found if m.role == "object"]
        self.values = mentions.of("value")
        self.place = place(self.text)
        self.plain = _blanked(mentions)  # the sentence without names, so that none is taken for a verb
        self.denied = False  # whether the sentence says that it is not so

    @property
    def cue(self) -> str | None:
        if self.objects:
            return f"box:{self.objects[0].name}"
        return self.place

    def read(self) -> Proposal | Unclear | None:
        conditions = self._conditions()
        if _SELDOM.search(self.plain) and (_TRAINING.search(self.plain) or conditions) and conditions:
            return self._group("rare_case", conditions)
        spoken = _blanked(
            self.mentions, but=_LABELLERS
        )  # a column of who labelled is no reason not to suspect them
        found = next(((kind, match) for kind, pattern in _WHOLE if (match := pattern.search(spoken))), None)
        whole = found[0] if found else None
        if found is not None:
            self.denied = denies(spoken, found[1], within=found[0] == "label_noise")
        if whole is not None and not (whole == "overconfidence" and self.objects):
            by_class = whole in ("label_noise", "overconfidence", "distribution_shift")
            return self._made(whole, class_name=self.classes[0] if by_class and self.classes else None)
        if _FEW.search(self.plain) and not self.objects and not self.values:
            return self._made("class_imbalance", class_name=self.classes[0] if self.classes else None)
        return self._of_cue(conditions) or self._of_group(conditions)

    def unclear(self) -> Unclear:
        """What is missing of a suspicion that no rule could read."""
        cue = self.cue or ""
        name = self.classes[0] if self.classes else ""
        return Unclear("class" if cue and not name else "cue" if name else "what", cue, name)

    # --- a cue and a class ---------------------------------------------------------------------------------------

    def _of_cue(self, conditions: Sequence[str]) -> Proposal | Unclear | None:
        cue = self.cue
        if cue is None and len(self.values) == 1 and self.classes and _SHORTCUT.search(self.plain):
            return self._with_class("spurious_correlation", self.values[0], self._said())
        if cue is None:
            return None
        if _UNUSED.search(self.plain) and (self.objects or self.place):
            return self._with_class("missing_feature", cue, self._true())
        if _TOO_MUCH.search(self.plain):
            return self._with_class("overemphasised_feature", cue, self._said())
        grouped = bool(conditions) and bool(self.classes) and self._class_before(conditions)
        if grouped and (_CALLED.search(self.plain) or _FAIL.search(self.plain)):
            return None
        if not _SIGN.search(self.plain) or (_FAIL.search(self.plain) and not self.classes):
            return None
        return self._with_class("spurious_correlation", cue, self._said())

    def _class_before(self, conditions: Sequence[str]) -> bool:
        """Whether the sentence is about images of a class that have something: ``kitchens without a stove``."""
        first = next((m for m in self.mentions.found if m.role == "class"), None)
        thing = next((m for m in self.mentions.found if m.role in ("object", "value")), None)
        if first is None or thing is None:
            return False
        between = self.text[first.end : thing.start] if first.end <= thing.start else ""
        return (
            (len(self.classes) > 1 and first.start < thing.start)
            or _HAVING.search(between) is not None
            or (_NOT_THERE.search(between) is not None)
        )

    def _with_class(self, kind: str, cue: str, name: str | None) -> Proposal | Unclear:
        return self._made(kind, class_name=name, cue=cue) if name else Unclear("class", cue)

    def _said(self) -> str | None:
        """The class whose score the cue is said to drive."""
        true, predicted = directions(self.mentions)
        return predicted if predicted and len(self.classes) > 1 else (predicted or true)

    def _true(self) -> str | None:
        return self.classes[0] if self.classes else None

    # --- a group of images -----------------------------------------------------------------------------------------

    def _of_group(self, conditions: Sequence[str]) -> Proposal | Unclear | None:
        if confuses_things(self.mentions):
            return Unclear("class", self.cue or "")
        called = len(self.classes) > 1 and _CALLED.search(self.plain) is not None
        if conditions and (called or _FAIL.search(self.plain)):
            return self._group("weak_slice", conditions, called=called)
        if not conditions and not self.objects and _FAIL.search(self.plain):
            return self.of_looks(called=called)
        return None

    def of_looks(self, called: bool = False) -> Proposal | None:
        """A group by a value of an attribute, or by how pictures look; None where the sentence names neither."""
        if self.values:
            return self._group("weak_slice", self._conditions(), called=called)
        look = next(((name, low) for name, low, words in _LOOKS if words.search(self.plain)), None)
        if look is None:
            return None
        return Proposal(self._group("weak_slice", (), called=called).arguments, look)

    def _group(self, kind: str, conditions: Sequence[str], called: bool = False) -> Proposal:
        true, predicted = directions(self.mentions) if called else (self._true(), None)
        return self._made(kind, class_name=true, confused_with=predicted, where=tuple(conditions))

    def _conditions(self) -> list[str]:
        """The attribute values that the sentence names, and objects as there or not."""
        made = list(self.values)
        made += [f"{m.name}={'no' if self._is_absent(m) else 'yes'}" for m in self.objects]
        return list(dict.fromkeys(made))

    def _is_absent(self, mention: Mention) -> bool:
        before, after = self.text[: mention.start], self.text[mention.end :]
        return _NOT_THERE.search(before) is not None or _GONE_AFTER.match(after) is not None

    def _made(self, kind: str, **parts: Any) -> Proposal:
        return Proposal({"kind": kind, **{k: v for k, v in parts.items() if v}})


def _blanked(mentions: Mentions, but: re.Pattern[str] | None = None) -> str:
    """The sentence with spaces for the names in it; names that ``but`` matches stay."""
    text = list(mentions.sentence)
    for one in mentions.found:
        if (
            but is not None
            and one.role in ("attribute", "value")
            and but.match(mentions.sentence[one.start : one.end])
        ):
            continue
        text[one.start : one.end] = " " * (one.end - one.start)
    return "".join(text)
