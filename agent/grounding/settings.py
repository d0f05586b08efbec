"""What a number in a sentence claims to be about, and whether a recorded number is about the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from failsight.agent.grounding.lexicon import ELSEWHERE, exclusive, says
from failsight.agent.grounding.names import Lexicon, Mention, Names, gather
from failsight.agent.grounding.numbers import Number, Sentence
from failsight.agent.grounding.sources import DATA, NOTHING, Atom, words_of

_TAKEN = re.compile(
    r"\b(?:taken for|mistaken for|confused with|called|answer(?:ed)? (?:with|as|by)|classified as|predicted (?:as|to be)|read as|seen as|"
    r"ends? up as|go(?:es)? down as|labelled|counted as|passed off as|sorted (?:as|into|under)|as)\b|→|->",
    re.IGNORECASE,
)
_SAYS_FOR = re.compile(r"\b(?:says?|answers?|predicts?|gives?|calls?)\b", re.IGNORECASE)
_REVERSE = re.compile(r"\brevers\w*|\bother way\b|\bother direction\b|\bvice versa\b|\bopposite\b|\bconverse\w*|\bthe other\b(?= \d|$)", re.IGNORECASE)
_BOTH = re.compile(r"\bboth (?:directions|ways)\b|\bin all\b|\btogether\b|\bswapped\b|\bone way\b|\bbetween\b|\bone another\b|\beach other\b", re.IGNORECASE)
_CONTRAST = re.compile(r"^\W*(?:than|against|compared|versus|vs|instead|rather than|while|whereas|but|, not|from)\b", re.IGNORECASE)
_BESIDE = re.compile(r"\b(?:than|against|instead of|vs\.?|versus|rather than)\s*(?:only |about |just )?$", re.IGNORECASE)
_MOVES = re.compile(r"\b(?:drops?|falls?|fell|los[et]s?|rises?|rose|gains?|improves?|increases?|decreases?|goes|sinks?|declines?|shrinks?|halves)\b", re.IGNORECASE)
_INTERVAL = re.compile(r"\binterval\b|\bbetween\b|\bfrom\b|\bat (?:least|most)\b|\bbounds?\b|\b(?:lower|upper) end\b|\brang\w+|\bCI\b|\d ?%? to \d", re.IGNORECASE)
_P = re.compile(r"\b(?P<part>[pq])(?:[ -]values?)?(?: of| is| was|:)?\s*[<=≈>]?\s*(?:about |only |below |under )?$", re.IGNORECASE)
_PRONOUN_WITHOUT = re.compile(r"\bwithout\b(?! (?:an? |the |any )?(?:\w+[ -])?\w+ (?:is|are|in)\b)|\bare not there\b|\bit is absent\b|\bnot there\b", re.IGNORECASE)
_QUALITY = re.compile(
    r"recall|recogni|precision|\bf1\b|error|wrong|fail|confus|call|taken|confiden|\bsure|bright|contrast|saturat|sharp|\bsize|jpeg|mask|score|rare|show|have|image|picture|rooms|answer|say",
    re.IGNORECASE,
)
_EXPERIMENTAL = re.compile(r"\bexperiments?\b|\bmasking\b|\btests?\b", re.IGNORECASE)
EXPERIMENTS = frozenset({"effect", "cue_effect", "control_effect", "flip", "control_flip", "mended", "control_mended"})


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
        return self.whole if self.whole.entities else self.whole | replace(self.carried, splits=NOTHING)


def read(text: str, sentence: Sentence, lexicon: Lexicon, carried: Names) -> Reading:
    """Read one sentence: names with places in the whole text, and which class is taken for which."""
    part = text[sentence.start : sentence.end]
    shift = sentence.start
    mentions = tuple(replace(m, start=m.start + shift, end=m.end + shift) for m in lexicon.mentions(part))
    return Reading(text, sentence, mentions, gather(mentions), carried, _pairs(text, mentions))


def _pairs(text: str, mentions: Sequence[Mention]) -> tuple[tuple[str, str], ...]:
    classes = [m for m in mentions if m.kind == "class"]
    made: dict[tuple[str, str], None] = {}
    for one, other in zip(classes, classes[1:], strict=False):
        between = text[one.end : other.start]
        if one.name == other.name or len(between) > 90:
            continue
        if _TAKEN.search(between):
            made[one.name, other.name] = None
        elif re.search(r"\b(?:for|when (?:it|the model) sees|on|to|in)\b", between) and _SAYS_FOR.search(text[max(0, one.start - 40) : one.start]):
            made[other.name, one.name] = None
    ends = {m.start for one, m in zip(classes, classes[1:], strict=False) if (one.name, m.name) in made}
    for one, other in zip(classes, classes[1:], strict=False):  # "A and B are called C": A too
        if re.search(r"^(?:s|es)?(?: images)?,? (?:and|or)\b|^(?:s|es)?, ", text[one.end : other.start]) and not _TAKEN.search(text[one.end : other.start]):
            made |= {} if one.start in ends else {(one.name, c): None for b, c in made if b == other.name and c != one.name}
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Setting:
    """What one number claims to be about.

    Attributes:
        clause: the words around it.
        names: classes and attributes that it must be about; of these ``bound`` ones were tied to it by their place.
        splits: the splits that it may be of; ``spare`` says that the evaluation images may be meant as the other side.
        quantities: the quantities to which the words restrict it.
    """

    reading: Reading
    clause: str
    names: Names
    splits: frozenset[str]
    named: bool
    spare: bool
    quantities: frozenset[str]
    elsewhere: bool
    absent: bool
    reverse: bool
    total: bool = False
    everywhere: bool = False


def setting(number: Number, reading: Reading, inside: Sequence[Number]) -> Setting:
    """The setting of ``number`` among the numbers ``inside`` its sentence."""
    clauses = reading.sentence.clauses
    at = next((i for i, c in enumerate(clauses) if c[0] <= number.start < c[1]), 0)
    start, end = clauses[at]
    clause = reading.text[start:end]
    near = gather(reading.mentions, start, end)
    own = clause
    if at and not near.entities and len(re.findall(r"[A-Za-z]{2,}", clause)) < 4:
        clause = reading.text[clauses[at - 1][0] : end]
    splits, named = _splits(number, reading, at, near, inside)
    bare = (lambda t: t.replace("F1", "")) if "F1" in reading.whole.findings else (lambda t: t)
    quantities = exclusive(bare(clause))
    for back in range(at - 1, -1, -1):
        if quantities:
            break
        quantities = exclusive(bare(reading.text[clauses[back][0] : clauses[back][1]]))
    lead = reading.text[start : number.start]
    alone = bool(_CONTRAST.search(own)) and not near.splits or _BESIDE.search(lead) is not None
    turned = re.search(r"\bfrom\s+$", lead) is not None and _MOVES.search(reading.part) is not None
    return Setting(
        reading, clause, _names(number, reading, at, near, inside), splits, named, alone or turned or bool(near.splits and " to " in clause and turned),
        quantities, bool(ELSEWHERE.search(_closest(reading.text, number, start, end))), bool(_PRONOUN_WITHOUT.search(_closest(reading.text, number, start, end))), bool(_REVERSE.search(own)), _is_total(number, reading), not named and bool(re.search(r"\bsets\b|\bsplits\b|\d \+ \d", reading.part)),
    )  # fmt: skip


def _is_total(number: Number, reading: Reading) -> bool:
    """``of the 581 errors``: a number that is about everything."""
    before, after = reading.text[: number.start], reading.text[number.end :]
    return bool(re.search(r"\b(?:of|of the|of all|of its|all|all the)\s$", before, re.IGNORECASE) and re.match(r" (?:errors|mistakes|images|pictures|evaluation|training|deployment|wrong)", after))


def _closest(text: str, number: Number, start: int, end: int) -> str:
    """The words between this number and the numbers beside it."""
    left = re.split(r"\d|;", text[start : number.start])[-1]
    right = re.split(r"\d|;", text[number.end : end])[0]
    if number.bracket:
        own = re.split(r"[\[(]", left)[-1] + " | " + re.split(r"[\])]", right)[0]
        return own if re.search(r"[A-Za-z]{2,}", re.sub(r"\b(?:percentage )?points?\b", "", own)) else left
    right = re.split(r"[,(\[]", right)[0]
    right = re.split(r"[\[(]", right)[0] if "without" in left.lower() else right
    return left + " | " + right


def _in_interval(text: str, number: Number) -> bool:
    return number.bracket and re.search(r"\[[^\]]*$", text[: number.start]) is not None


def _splits(number: Number, reading: Reading, at: int, near: Names, inside: Sequence[Number]) -> tuple[frozenset[str], bool]:
    if number.bracket and near.splits:
        before = [m for m in reading.mentions if m.kind == "split" and m.start < number.start]
        after = reading.text[number.start : number.start + 60].split(")")[0]
        if before and len(near.splits) > 1 and not re.search("deploy|train|eval", after):
            return frozenset({before[-1].name}), True
    if len(near.splits) > 1:
        start, end = reading.sentence.clauses[at]
        mine = list(dict.fromkeys(m.name for m in reading.mentions if m.kind == "split" and start <= m.start < end))
        same = [n for n in inside if n.family == number.family and start <= n.start < end and not _in_interval(reading.text, n)]
        if len(mine) == len(same) and number in same and "respectively" not in reading.part:
            return frozenset({mine[same.index(number)]}), True
    if near.splits:
        return near.splits, True
    clauses = reading.sentence.clauses
    for other in [*range(at - 1, -1, -1), *range(at + 1, len(clauses))]:
        found = gather(reading.mentions, *clauses[other]).splits
        if found:
            return found, True
    if reading.carried.splits:
        return reading.carried.splits, True
    moved = re.search(r"\bfrom [\d.,]+ ?%? to\b", reading.part) is not None
    return (DATA | {"deploy"} if moved else DATA), False


def _names(number: Number, reading: Reading, at: int, near: Names, inside: Sequence[Number]) -> Names:
    """Classes and attributes of a number: bound by place where several stand with as many numbers."""
    clauses = reading.sentence.clauses
    start, end = clauses[at]
    classes = near.classes
    bound = _bound(number, reading, start, end, inside) if len(classes) != 1 else NOTHING
    if bound:
        classes = bound
    for back in [*range(at - 1, -1, -1), *range(at + 1, len(clauses))]:
        if classes:
            break
        classes = gather(reading.mentions, *clauses[back]).classes
    attributes, values = near.attributes, near.values
    for back in [*range(at - 1, -1, -1), *range(at + 1, len(clauses))]:
        if attributes or bound:
            break
        found = gather(reading.mentions, *clauses[back])
        attributes, values = found.attributes, found.values
    if not classes and not attributes:
        classes, attributes, values = reading.carried.classes, reading.carried.attributes, reading.carried.values
    return Names(classes, attributes, values, findings=near.findings or reading.whole.findings)


def _bound(number: Number, reading: Reading, start: int, end: int, inside: Sequence[Number]) -> frozenset[str]:
    mine = [m for m in reading.mentions if m.kind == "class"]
    local = [m for m in mine if start <= m.start < end]
    pool = local or mine
    same = [n for n in inside if n.family == number.family and (start <= n.start < end)]
    if reading.pairs and len({m.name for m in pool}) == 2:
        return NOTHING
    if number.bracket and local:
        before = [m for m in local if m.start < number.start]
        if before and number.start - before[-1].end < 4:
            return frozenset({before[-1].name})
    if len(pool) == len(same) > 1:
        return frozenset({pool[same.index(number)].name})
    return NOTHING


def below(number: Number, at: Setting) -> bool:
    """Whether a number is an upper bound of a p value: ``p < 0.001``."""
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 24) : number.start]
    return _P.search(lead) is not None and re.search(r"<\s*$|below\s*$|under\s*$", lead) is not None


def fits(number: Number, atom: Atom, at: Setting) -> bool:
    """Whether ``atom`` may be meant by ``number``."""
    return _fits_metric(number, atom, at) and _fits_names(atom, at) and _fits_split(atom, at) and _fits_pair(atom, at)


def _fits_metric(number: Number, atom: Atom, at: Setting) -> bool:
    part = at.reading.part
    if atom.metric.startswith("tally:"):
        return number.family == "plain" and _counted(number, atom, at)
    if atom.metric.startswith("told:"):
        return _alike(at, atom.metric[5:])
    if atom.row and not set(atom.row) <= set(words_of(part)):
        return False
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 24) : number.start]
    level = _P.search(lead)
    if level is not None or atom.part in ("p", "q") or atom.metric in ("p", "q"):
        return level is not None and level["part"].lower() in (atom.part, atom.metric)
    if atom.part == "end" and not number.bracket and not _INTERVAL.search(part):
        return False
    if not _fits_unit(number, atom, at):
        return False
    if at.quantities and atom.part not in ("n", "count") and atom.metric not in at.quantities:
        return False
    if number.word and atom.part not in ("n", "count") and number.family == "plain" and atom.metric not in ("slices", "images"):
        return False
    if not says(atom.metric, part) and not (atom.metric in ("accuracy", "drop") and not _QUALITY.search(part)):
        return False
    return not (atom.metric in ("accuracy", "recall", "precision") and _wrong(at.clause) and atom.part != "n") 


def _fits_unit(number: Number, atom: Atom, at: Setting) -> bool:
    """``540 times`` counts answers, ``450 images`` counts images; right and wrong answers have their own confidence."""
    after = at.reading.text[number.end : number.end + 24]
    if number.family == "plain" and atom.metric in ("answers", "images"):
        if re.match(r" (?:times|answers)\b", after) or re.match(r"[^.]*\bfor \d", after) and "answer" in at.clause:
            return atom.metric == "answers" or bool(atom.names.attributes)
        if re.match(r" (?:\w+ )?(?:images|pictures|photos)\b", after):
            return atom.metric == "images"
    if atom.metric in ("confidence_right", "confidence_wrong"):
        near = _nearest_side(number, at)
        return near == "" or atom.metric.endswith(near)
    return True


def _nearest_side(number: Number, at: Setting) -> str:
    """Whether right or wrong answers are spoken of just before a number."""
    start = at.reading.sentence.start
    found = list(re.finditer(r"\b(?P<right>right|correct\w*)\b|\b(?P<wrong>wrong\w*|errors?|mistakes?|misclassified)\b", at.reading.text[start : number.start], re.IGNORECASE))
    return ("right" if found[-1]["right"] else "wrong") if found else ""


def _counted(number: Number, atom: Atom, at: Setting) -> bool:
    """Whether what is counted stands behind the number; a narrower count that stands there too comes first."""
    text = at.reading.text
    clause = re.split(r"[:;(]|, ", text[number.end : at.reading.sentence.end])[0][:70]
    of = re.match(r"\s+of (?:the|them|these|those|all)\b", clause)
    groups = atom.metric[6:].split("&")
    if of:
        clause = at.reading.part
    if not all(re.search(rf"\b(?:{g})", clause, re.IGNORECASE) for g in groups):
        return False
    narrow = re.search(r"\b(?:experiment|mask|prove)", clause, re.IGNORECASE) is not None
    return not (narrow and "mask" not in atom.metric)


def _wrong(clause: str) -> bool:
    """Whether a clause speaks of errors only."""
    return bool(
        re.search(r"\b(?:wrong\w*|errors?|error rate|fail\w*|misclassified|missed)\b", clause, re.IGNORECASE)
        and not re.search(r"\b(?:right|accura\w*|recogni\w*|recall|precision|correct\w*|expect\w*|criteri\w*|bar)\b", clause, re.IGNORECASE)
    )


def _alike(at: Setting, told: str) -> bool:
    """Whether a sentence repeats what a recorded sentence says: its rarer words."""
    mine = set(re.findall(r"[a-z]{4,}", at.reading.part.lower()))
    theirs = set(re.findall(r"[a-z]{4,}", told.lower()))
    stems = {w[:5] for w in mine} & {w[:5] for w in theirs}
    common = {"image", "model", "evalu", "class", "train", "deplo", "with", "that", "this", "there", "these", "they", "are", "than", "more", "when", "from", "have"}
    return len(stems - common) >= 2


def _fits_names(atom: Atom, at: Setting) -> bool:
    mine, theirs = at.names, atom.names
    if atom.metric.startswith("tally:") or at.total and not theirs.entities:
        return True
    strict = theirs.classes - atom.loose
    wide = at.reading.whole.classes | at.reading.carried.classes | mine.classes
    named_by_finding = bool(set(atom.refs) & mine.findings)
    if named_by_finding and not mine.entities:
        return True
    if not strict <= (mine.classes if len(mine.classes) == 1 and not atom.pair else wide):
        if not named_by_finding:
            return False
    if mine.classes - theirs.classes and not (theirs.classes and _listed(at, atom)):
        return False
    if theirs.attributes - atom.loose - mine.attributes and not named_by_finding:
        return False
    if not mine.entities and not theirs.entities - atom.loose and re.search(r"\b(?:all|each|every)\b", at.reading.part) and _EXPERIMENTAL.search(at.reading.part):
        return True
    if atom.loose and not (mine.entities & theirs.entities or named_by_finding or set(atom.refs) & at.reading.whole.evidence or not mine.entities and not theirs.classes - atom.loose and theirs.entities & at.reading.about.entities):
        return False
    if mine.attributes - theirs.attributes:
        return False
    return _fits_presence(atom, at)


def _listed(at: Setting, atom: Atom) -> bool:
    """Whether several classes are named and the atom is about one of them."""
    return len(at.names.classes) > 1 and atom.names.classes <= at.names.classes


def _fits_presence(atom: Atom, at: Setting) -> bool:
    if atom.metric in EXPERIMENTS or atom.metric == "pull_gap":
        return not atom.elsewhere or at.elsewhere or bool(ELSEWHERE.search(at.reading.part))
    if at.absent and atom.names.attributes and not atom.elsewhere and atom.metric not in EXPERIMENTS:
        return all(v == "no" for _, v in atom.names.values)
    if at.elsewhere and not atom.elsewhere and atom.metric in ("error", "pull") and atom.names.attributes:
        if re.search(r"elsewhere|the rest\b|\bothers\b", at.clause):
            return False
    shown = re.search(r"\b(?:shows?|have|has|with|contains?) (?:one|it|them)\b", at.clause) is not None
    claimed = {a: "yes" if shown and v in ("yes", "no") else v for a, v in at.names.values}
    for name, value in atom.names.values:
        if name in claimed and claimed[name] != value:
            if not (atom.elsewhere and (at.absent or at.elsewhere)):
                return False
        if value == "no" and claimed.get(name) != "no" and not at.absent and not at.elsewhere and "out" not in at.clause and "not" not in at.clause:
            return False
    if atom.elsewhere and atom.names.attributes:
        return bool(at.absent or at.elsewhere or re.search(r"\b(?:than|against|otherwise|without|no|not|vs|versus|instead)\b", at.clause))
    return True


def _fits_split(atom: Atom, at: Setting) -> bool:
    theirs, mine = atom.names.splits, at.splits
    if set(atom.refs) & at.names.findings and not at.named:
        return True
    if atom.metric.startswith("tally:") or atom.metric == "bound":
        return not at.named or mine <= DATA or atom.metric.startswith("tally:")
    if at.everywhere and atom.metric == "images":
        return True
    if len(theirs) > 1:
        return bool((theirs - DATA) & (mine | at.reading.whole.splits)) and mine <= theirs
    if not theirs:
        return mine <= DATA
    if theirs <= mine:
        return True
    if at.spare and theirs == DATA and not atom.pair:
        return True
    return theirs == DATA and atom.metric in EXPERIMENTS and not at.named


def _fits_pair(atom: Atom, at: Setting) -> bool:
    if atom.pair is None:
        return not (at.reading.pairs and len(at.names.classes) > 1 and atom.names.classes <= at.names.classes and atom.metric in ("recall", "error", "f1", "answers"))
    if not set(atom.pair) <= at.reading.about.classes | at.reading.carried.classes:
        return False
    pairs = {p for p in at.reading.pairs if set(p) == set(atom.pair)}
    if not pairs or _BOTH.search(at.reading.part):
        return not at.reading.pairs or bool(pairs) or len(at.names.classes) > 2
    turned = (atom.pair[1], atom.pair[0])
    return turned in pairs if at.reverse and len(pairs) == 1 else atom.pair in pairs
