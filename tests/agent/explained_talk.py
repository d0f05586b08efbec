"""Short talks in which results are doubted, shown, weighed and decided on, and what each answer has to hold.

What is wanted is worked out from the labels, answers, confidences and columns of a small world, never taken from an answer. A mark before a
text says how it is meant: ``^`` the first line begins with it, ``!`` it does not occur, ``tool:`` such a tool runs, ``!tool:`` none does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from failsight.tools.stats.intervals import newcombe
from failsight.tools.text import interval, number
from tests.agent.known_talk import Answer, World

Wanted = Callable[[World], list[str]]
Mask = np.ndarray


@dataclass(frozen=True)
class Said:
    """One sentence; ``wanted`` is None where it only leads to the next."""

    text: str
    wanted: Wanted | None = None


def has(*parts: str) -> Wanted:
    return lambda w: list(parts)


def both(*wanted: Wanted) -> Wanted:
    return lambda w: [part for one in wanted for part in one(w)]


def wrong(w: World, split: str = "data") -> Mask:
    return np.asarray(w.labels[split] != w.answers[split])


def called(w: World, name: str, split: str = "data") -> Mask:
    return np.asarray(w.answers[split] == w.classes.index(name))


def counted(inside: Mask, among: Mask) -> str:
    return f"{int((inside & among).sum()):,} of {int(among.sum()):,}"


def beside(inside: Mask, group: Mask, rest: Mask) -> list[str]:
    """Both counts, and the difference of their shares with its interval."""
    k, n, k0, n0 = (int(m.sum()) for m in (inside & group, group, inside & rest, rest))
    gap = f"{number(k / n - k0 / n0, 'points')} {interval(newcombe(k, n, k0, n0), 'points')}"
    return [counted(inside, group), counted(inside, rest), gap]


def doubted(group: dict[str, Any], rest: dict[str, Any] | None = None, lead: str = "^No") -> Wanted:
    """Whether more images of a group are wrong by chance: both counts, their difference, and no or perhaps."""

    def made(w: World) -> list[str]:
        inside = w.mask(**group)
        others = w.mask(**rest) if rest is not None else ~inside
        return [lead, *beside(wrong(w), inside, others), " p "]

    return made


def sure_of(what: Callable[[World], Mask]) -> Wanted:
    """The mean confidence of these images."""
    return lambda w: [number(float(w.case.predictions("data").confidence[what(w)].mean()))]


def row(bar: float) -> Wanted:
    """How many answers are so sure, and how many of these are right."""

    def made(w: World) -> list[str]:
        sure = w.case.predictions("data").confidence >= bar
        k, n = int((sure & ~wrong(w)).sum()), int(sure.sum())
        return [f"{k:,} of {n:,}", number(k / n)]

    return made


def merged(a: str, b: str) -> Wanted:
    """The accuracy with two classes taken for one."""

    def made(w: World) -> list[str]:
        pair = [w.classes.index(a), w.classes.index(b)]
        labels, answers = w.labels["data"], w.answers["data"]
        right = (labels == answers) | (np.isin(labels, pair) & np.isin(answers, pair))
        return [
            f"{int(right.sum()):,} of {len(right):,}",
            number(float(right.mean())),
            "!tool:edit_attributes",
        ]

    return made


def weighed(true: str, predicted: str, times: float) -> Wanted:
    """What a confusion weighs, of the weight of all errors."""

    def made(w: World) -> list[str]:
        k = int((w.mask(true=true) & called(w, predicted)).sum())
        total = int(wrong(w).sum()) + (times - 1) * k
        return [f"{k:,}", f"{k * times:,.10g} of {total:,.10g}"]

    return made


def share(*held: tuple[str, Any], column: str = "", bar: float = 0, into: str = "", true: str = "") -> Wanted:
    """How many images of a class above a limit are called another."""
    return lambda w: [counted(called(w, into), w.mask(true=true, **{column: lambda v: v > bar}))]


def right_rate(**group: Any) -> Wanted:
    def made(w: World) -> list[str]:
        inside = w.mask(**group)
        return [number(float((~wrong(w))[inside].mean()))]

    return made


def stays(bar: float) -> Wanted:
    return lambda w: [w.stay(bar)]


def missed(got: Answer, wanted: list[str]) -> list[str]:
    """What an answer lacks, or has and should not."""
    return [one for one in wanted if not _holds(got, one)]


def _holds(got: Answer, one: str) -> bool:
    if one.startswith("!tool:"):
        return one.removeprefix("!tool:") not in got.tools
    if one.startswith("tool:"):
        return one.removeprefix("tool:") in got.tools
    if one.startswith("^"):
        return got.first.startswith(one[1:])
    return one[1:] not in got.words if one.startswith("!") else one in got.words


def film_paper(w: World) -> Mask:
    return np.asarray(w.mask(true="film") & called(w, "paper"))


NIGHT = {"line": 3, "shift": "night"}
CAT = {"true": "bathroom", "cat": "yes"}
WET = {"true": "scab", "wet": "yes"}
HAIR = {"true": "malignant", "hair": "yes"}
PLAIN = has(
    "!failsight", "!=", "!readiness", "!expectations", "!slice", "!confidence bound", "!Next: propose"
)
NO_SEARCH = has("!tool:unknown_unknowns", "!tool:find_slices", "!tool:show_images")

BELT = [
    Said("how many items on line 3 at night are wrong?"),
    Said("couldn't that be a coincidence?", doubted(NIGHT)),
    Said("is that many?", lambda w: beside(wrong(w), w.mask(**NIGHT), ~w.mask(**NIGHT))),
    Said("how can you know that?", both(lambda w: [counted(wrong(w), w.mask(**NIGHT))], has("line=3", "not"))),
    Said("let me see some of them and say how certain the machine was",
         both(sure_of(lambda w: w.mask(**NIGHT) & wrong(w)), has("tool:show_images", "!tool:confidence_profile"))),
    Said("sorry, i meant only the film items among them",
         both(sure_of(lambda w: w.mask(true="film", **NIGHT) & wrong(w)), has("tool:show_images"))),
    Said("oh sorry, i meant the can that it calls film, not the film items",
         both(sure_of(lambda w: w.mask(true="can", **NIGHT) & called(w, "film")), has("tool:show_images"))),
    Said("how many film items with lamp_hours over 800 are called paper?"),
    Said("that sounds like quite a lot, doesn't it?", lambda w: beside(called(w, "paper"), w.mask(true="film", lamp_hours=lambda h: h > 800), w.mask(true="film", lamp_hours=lambda h: h <= 800))),
    Said("how many film items with lamp_hours over 800 are called paper?"),
    Said("with 1000?", share(true="film", into="paper", column="lamp_hours", bar=1000)),
    Said("and what is it with 600 instead?", share(true="film", into="paper", column="lamp_hours", bar=600)),
    Said("how sure is it of the film that it calls paper?", both(sure_of(film_paper), has("!tool:edit_attributes"))),
    Said("how sure is it on line 3 at night when it is wrong, and how sure when it is right?",
         both(sure_of(lambda w: w.mask(**NIGHT) & wrong(w)), sure_of(lambda w: w.mask(**NIGHT) & ~wrong(w)))),
    Said("when it claims to be 80 percent sure, is that to be believed?", row(0.8)),
    Said("for us a film item that lands in paper is four times as bad as any other mistake", both(weighed("film", "paper", 4), has("film", "paper", "4"))),
    Said("so which mistakes cost us the most?", both(weighed("film", "paper", 4), has("^film"))),
    Said("no, twice as bad is enough", weighed("film", "paper", 2)),
    Said("which of these problems costs us most errors?", has("At stake: at most", "lamp hours")),
    Said("any more groups that do poorly which i haven't brought up?", both(NO_SEARCH, has("F2"))),
    Said("we need 75 percent right on each line, do we get there?", both(right_rate(line=3), has("^No"))),
    Said("and with 60?", both(right_rate(line=3), has("60.0 %", "line=3"))),
    Said("shall we go on with it or turn it off?", both(right_rate(line=3), has("^No", "line"))),
    Said("should we stop using it, then?", both(right_rate(line=3), has("^Yes: what is demanded does not hold"))),
    Said("give me two sentences for my director", both(right_rate(line=3), PLAIN)),
    Said("i don't buy the thing about line 3 at night", both(lambda w: beside(wrong(w), w.mask(**NIGHT), ~w.mask(**NIGHT)), has("refute"))),
]  # fmt: skip
ROOMS = [
    Said("which rooms get mixed up?"),
    Said("can you draw that as a heat map?", has("figures/", "confusion", "!tool:saliency")),
    Said("i'd like a chart of how sure it is", has("figures/", "!tool:saliency")),
    Said("what if kitchen and living room counted as one room, how accurate would it be?", merged("kitchen", "living_room")),
    Said("and if we merged bathroom and kitchen instead?", merged("bathroom", "kitchen")),
    Said("how sure must it be so that 95 percent of its answers are right, and how many answers stay then?", lambda w: [w.stay(lowest(w, 0.95))]),
    Said("where would you put the cut-off so that it only answers when it is sure?", both(stays(0.6), stays(0.8), stays(0.9))),
    Said("is it ready?", both(lambda w: [number(float((~wrong(w)).mean())), "90.0 %", "points are missing"], has("^No"))),
    Said("can i use it for bathrooms?", both(lambda w: [w.recall("bathroom")], has("^No"))),
    Said("what should i tell our members in two sentences?", both(lambda w: [number(float((~wrong(w)).mean()))], PLAIN, has("90"))),
    Said("is the old one gone when i repair it?", has("^No", "!tool:compare_models")),
    Said("if it gets trained again, do we lose the model that we have now?", has("^No", "!tool:compare_models", "!tool:retrain")),
    Said("which trouble costs us the most errors?", has("At stake: at most", "At stake")),
    Said("and what should come first?", has("At stake: at most")),
    Said("how many bathrooms with a cat are wrong?"),
    Said("is it just chance, there are so few of them?", doubted(CAT, {"true": "bathroom", "cat": "no"})),
    Said("how sure are you of that?", lambda w: [number(float(wrong(w)[w.mask(**CAT)].mean()))]),
    Said("how sure is it about bathrooms with a cat?",
         both(sure_of(lambda w: w.mask(**CAT) & wrong(w)), sure_of(lambda w: w.mask(**CAT) & ~wrong(w)))),
    Said("when it says it is 95 percent sure, can i rely on it?", row(0.95)),
    Said("honestly i can't believe that the cat matters in the bathroom", both(lambda w: beside(wrong(w), w.mask(**CAT), w.mask(true="bathroom", cat="no")), has("refute"))),
]  # fmt: skip
ORCHARD = [
    Said("how many scab pictures with wet=yes are called healthy?"),
    Said("isn't that just bad luck?", lambda w: ["^No", *beside(called(w, "healthy"), w.mask(**WET), w.mask(true="scab", wet="no"))]),
    Said("how did you find that out?", both(lambda w: [counted(called(w, "healthy"), w.mask(**WET))], has("wet=yes", "not"))),
    Said("show me a couple of these and how sure the model was about them",
         both(sure_of(lambda w: w.mask(**WET) & called(w, "healthy")), has("tool:show_images", "!tool:confidence_profile"))),
    Said("no, i meant those with wet=no", both(sure_of(lambda w: w.mask(true="scab", wet="no") & called(w, "healthy")), has("tool:show_images"))),
    Said("a scab called healthy costs us 3 euros and every other mistake 1 euro", lambda w: [f"{int((w.mask(true='scab') & called(w, 'healthy')).sum()):,} scab called healthy"]),
    Said("which mistake costs most then?", both(weighed("scab", "healthy", 3), has("^scab"))),
    Said("should we stop using it?", has("^It depends", "!tool:find_slices")),
    Said("we want 80 percent right for every variety, is it enough?", both(right_rate(variety="Elstar"), has("80.0 %"))),
    Said("and if it were 90?", both(right_rate(variety="Elstar"), has("90.0 %", "^No"))),
    Said("so do we keep it, yes or no?", has("variety")),
    Said("write two sentences for my chief", both(right_rate(), PLAIN)),
    Said("i can't believe that wet fruit is worse for scab", both(lambda w: beside(called(w, "healthy"), w.mask(**WET), w.mask(true="scab", wet="no")), has("refute"))),
    Said("are there other groups that are bad and that nobody has mentioned?", NO_SEARCH),
    Said("what would you do first about it?", has("At stake")),
    Said("if it only answers when it is 75 percent sure, how many answers stay?", stays(0.75)),
    Said("and at 90?", stays(0.9)),
    Said("what about 85 percent?", stays(0.85)),
    Said("and if we went down to 65?", stays(0.65)),
    Said("which kinds are taken for which?"),
    Said("show me that as a diagram", has("figures/", "confusion", "!tool:saliency")),
    Said("what should worry us most among the mistakes?", both(weighed("scab", "healthy", 3), has("^scab"))),
    Said("is there some group that we haven't talked about yet?", NO_SEARCH),
    Said("will i still have my old model after a repair?", has("^No")),
]  # fmt: skip
CLINIC = [
    Said("how many malignant images with hair are missed?"),
    Said("so few pictures, may that be an accident?", doubted(HAIR, {"true": "malignant", "hair": "no"})),
    Said("is that a lot?", lambda w: beside(wrong(w), w.mask(**HAIR), w.mask(true="malignant", hair="no"))),
    Said("how sure was it of those?", sure_of(lambda w: w.mask(**HAIR) & wrong(w))),
    Said("can i use it for malignant moles with hair?", lambda w: [f"{int((w.mask(**HAIR) & ~wrong(w)).sum()):,} of {int(w.mask(**HAIR).sum()):,}"]),
    Said("a malignant taken for benign is ten times as bad as any other error", both(weighed("malignant", "benign", 10), has("malignant", "benign"))),
    Said("what costs us most now?", both(weighed("malignant", "benign", 10), has("^malignant"))),
    Said("no wait, the other way round, a benign taken for malignant is the ten times one", weighed("benign", "malignant", 10)),
    Said("what other weak groups are there that i have not asked for?", NO_SEARCH),
    Said("how sure does it have to be so that 90 percent of what it says is right?", lambda w: [w.stay(lowest(w, 0.9))]),
]  # fmt: skip


def lowest(w: World, wanted: float) -> float:
    """The lowest of the bars in steps of five points above which so many answers are right."""
    confidence, right = w.case.predictions("data").confidence, ~wrong(w)
    bars = [round(0.3 + 0.05 * i, 2) for i in range(14)]
    return next(b for b in bars if (confidence >= b).any() and right[confidence >= b].mean() >= wanted)


TALKS: dict[str, tuple[tuple[str, ...], list[Said]]] = {
    "belt": (("evaluate", "find_slices", "confidence_profile"), BELT),
    "rooms": (("evaluate", "find_slices", "confidence_profile"), ROOMS),
    "orchard": (("evaluate", "find_slices", "confidence_profile"), ORCHARD),
    "clinic": (("evaluate", "find_slices", "confidence_profile"), CLINIC),
}
