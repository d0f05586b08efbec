"""Short talks about what may be left to a model and what people look at, denied suppositions, lists and letters, with known answers.

What is wanted is worked out from the labels, answers, confidences and columns of a small world, never taken from an answer.
``python -m tests.agent.handed_talk`` prints how many of the sentences are answered right, and those that are not.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.text import number
from tests.agent import known_talk
from tests.agent.known_talk import Answer, Columns, World, talk

Wanted = Callable[[World], list[str]]
Mask = np.ndarray
Group = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One sentence; ``wanted`` is None where it only leads to the next."""

    text: str
    wanted: Wanted | None = None


# --- the archive -------------------------------------------------------------------------------------------------------------


def _archive(split: str, n: int, rng: np.random.Generator) -> Columns:
    return {
        "fonds": rng.choice(["City Housing Office", "Lindqvist Estate", "Municipal Deposit"], n),
        "decade": rng.choice(["1930s", "1940s", "1950s", "1960s"], n),
        "scanner": rng.choice(["old flatbed", "new overhead"], n),
        "colour": rng.choice(["black and white", "colour"], n),
        "retouched": np.where(rng.random(n) < 0.2, "yes", "no"),
    }


def _wrong_archive(split: str, name: str, row: dict[str, Any]) -> float:
    if row["scanner"] == "old flatbed" and row["decade"] == "1950s":
        return 0.7
    housing = row["fonds"] == "City Housing Office" and row["colour"] == "black and white"
    return 0.8 if housing and name == "kitchen" else 0.12


def _register() -> None:
    known_talk._COLUMNS["archive"] = _archive
    known_talk._WORLDS["archive"] = (("bathroom", "bedroom", "kitchen"), {"data": 1350}, _wrong_archive)


# --- what is wanted ----------------------------------------------------------------------------------------------------------


def wrong(w: World) -> Mask:
    return np.asarray(w.labels["data"] != w.answers["data"])


def sure(w: World, bar: float) -> Mask:
    """Images of which the model is so sure."""
    return np.asarray(np.asarray(w.case.predictions("data").confidence, np.float32) >= np.float32(bar))


def handed(w: World, groups: Sequence[Group], bar: float = 0.0) -> Mask:
    """Images that go to people: those of any of the groups, and those of which the model is less sure."""
    made = ~sure(w, bar)
    for one in groups:
        made = made | w.mask(**one)
    return made


def told(inside: Mask, w: World) -> list[str]:
    """How many images there are, how many of them are wrong, and their share."""
    k, n = int((wrong(w) & inside).sum()), int(inside.sum())
    return [f"#{n:,}", f"#{k:,}", f"~{number(k / n)}" if n else "#0"]


def divided(*groups: Group, bar: float = 0.0) -> Wanted:
    """How many images are handed over, how many are left, and how many of those are wrong."""

    def made(w: World) -> list[str]:
        away = handed(w, groups, bar)
        return [f"#{int(away.sum()):,}", *told(~away, w)]

    return made


def left(*groups: Group, bar: float = 0.0) -> Wanted:
    return lambda w: told(~handed(w, groups, bar), w)


def everything(w: World) -> list[str]:
    """All images, and how many of them are wrong."""
    return told(np.ones(len(wrong(w)), bool), w)


def lowest(w: World, share: float, groups: Sequence[Group] = ()) -> float:
    """The lowest of the limits in steps of five points above which at most such a share is wrong."""
    inside, bad = ~handed(w, groups), wrong(w)
    bars = [round(0.3 + 0.05 * i, 2) for i in range(14)]
    return next(b for b in bars if (m := inside & sure(w, b)).sum() >= 5 and bad[m].mean() <= share)


def reaching(share: float, *groups: Group) -> Wanted:
    """The lowest limit that keeps what is left at or below a share of errors, and what it leaves."""

    def made(w: World) -> list[str]:
        bar = lowest(w, share, groups)
        return [f"~{number(bar)}", *told(~handed(w, groups, bar), w)]

    return made


def within(most: int, *groups: Group) -> Wanted:
    """No more than so many images are handed over, those of the groups before the least sure ones; nearly so many."""

    def made(w: World) -> list[str]:
        return [f"most:{most}"]

    return made


def has(*parts: str) -> Wanted:
    return lambda w: list(parts)


def both(*wanted: Wanted) -> Wanted:
    return lambda w: [part for one in wanted for part in one(w)]


def count(**group: Any) -> Wanted:
    return lambda w: [w.counted(**group)]


def file_of(name: str, rows: Callable[[World], int]) -> Wanted:
    """A table in the case folder of which the answer tells the name and how many rows there are."""
    return lambda w: [f"file:{name}:{rows(w)}", f"#{rows(w):,}"]


def missed(got: Answer, wanted: Sequence[str], w: World) -> list[str]:
    """What an answer lacks, or has and should not."""
    return [one for one in wanted if not _holds(got, one, w)]


def _holds(got: Answer, one: str, w: World) -> bool:
    mark, rest = one[:1], one[1:]
    if one.startswith("most:"):
        return _keeps_to(got.words, int(one[5:]))
    if one.startswith("file:"):
        return _is_there(Path(w.case.folder), *one[5:].rsplit(":", 1))
    if one.startswith("!tool:"):
        return one[6:] not in got.tools
    if one.startswith("tool:"):
        return one[5:] in got.tools
    if mark == "#":  # a number of its own
        return re.search(rf"(?<![\d.,]){re.escape(rest)}(?![\d%]|[.,]\d| %)", got.words) is not None
    if mark == "~":
        return rest in got.words
    if mark == "^":
        return got.first.startswith(rest)
    return rest not in got.words if mark == "!" else one in got.words


def _keeps_to(words: str, most: int) -> bool:
    """Whether the first line says of how many images people look at: at most so many, and not far below."""
    found = re.search(r"([\d,]+) of [\d,]+ \w+ images go to people", words)
    return found is not None and 0.9 * most <= int(found[1].replace(",", "")) <= most


def _is_there(folder: Path, name: str, rows: str) -> bool:
    made = sorted(folder.rglob(name))
    if not made:
        return False
    with open(made[-1], encoding="utf-8-sig", newline="") as file:
        return len(list(csv.DictReader(file))) == int(rows)


FLATBED = {"scanner": "old flatbed", "decade": "1950s"}
HOUSING = {"fonds": "City Housing Office", "colour": "black and white"}
FIFTIES = {"decade": "1950s"}
LINE = {"line": 3, "shift": "night"}
NO_YES = has("!^Yes", "!Yes:", "!No: that is refuted")


def denied(lead: str, **group: Any) -> Wanted:
    """No yes and no no: the group and the others, and whether that speaks against what was supposed."""
    return both(NO_YES, lambda w: [f"^{lead}", *told_of(w, w.mask(**group)), *told_of(w, ~w.mask(**group))])


def by_value(lead: str, column: str, *values: str) -> Wanted:
    """No yes and no no: the share that is wrong for each value of a column."""
    return both(NO_YES, lambda w: [f"^{lead}", *(w.counted(**{column: v}) for v in values)])


def told_of(w: World, inside: Mask) -> list[str]:
    return [f"{int((wrong(w) & inside).sum()):,} of {int(inside.sum()):,}"]


AGAINST, NOTHING, BY_ITSELF = (
    "What was counted speaks against that",
    "Nothing measured here shows",
    "Not by itself",
)
WORN = {"lamp_hours": lambda v: v > 800}

ARCHIVE = [
    Said("hello, i keep the picture archive here. in plain words, how well does it do?", both(lambda w: [w.overall()], has("!Evaluation images."))),
    Said("and what does it mean for us, how many of the 1350 records would come out wrong if we simply let it fill them in?", everything),
    Said("May it fill in the rooms by itself, and if so for which part?", both(everything, has("At most 1 wrong in 20"))),
    Said("we could live with one wrong in ten, for which part would that be possible?", both(everything, reaching(0.1))),
    Said("make a rule: old flatbed pictures of the 1950s and black and white pictures of the City Housing Office always go to a person", divided(FLATBED, HOUSING)),
    Said("what is left for it then, and how good is it there?", left(FLATBED, HOUSING)),
    Said("and only what it is 85 % sure of?", divided(FLATBED, HOUSING, bar=0.85)),
    Said("and without the retouched ones as well?", divided(FLATBED, HOUSING, {"retouched": "yes"}, bar=0.85)),
    Said("so what would people have to look at, and how many pictures is that?", divided(FLATBED, HOUSING, {"retouched": "yes"}, bar=0.85)),
    Said("give me that list as a file for Excel", file_of("people-*.csv", lambda w: int(handed(w, [FLATBED, HOUSING, {"retouched": "yes"}], 0.85).sum()))),
    Said("forget that rule", has("!tool:count_images")),
    Said("if only pictures of the 1950s were checked by us, how many of the rest would be wrong?", left(FIFTIES)),
    Said("and if my colleagues may look at 400 of them?", both(within(400, FIFTIES))),
    Said("black and white pictures fail more often, don't they?"),
    Said("so then it is not the black and white as such, is it?", denied(BY_ITSELF, colour="black and white")),
    Said("it has nothing to do with the scanner, right?", by_value(AGAINST, "scanner", "old flatbed", "new overhead")),
    Said("is it not simply the 1950s?", denied(BY_ITSELF, decade="1950s")),
    Said("how many old flatbed pictures of the 1950s are wrong?"),
    Said("they look fine to me, why would it do that?", has("is not known", "What would tell")),
    Said("but why does it do such a thing?", has("More than that is not recorded", "!What would tell")),
    Said("could you list the pictures that are wrong although it was very sure?", both(has("tool:show_images"), lambda w: [f"#{int(wrong(w).sum()):,}"])),
    Said("and save them in a table please", file_of("*.csv", lambda w: int(wrong(w).sum()))),
    Said("which of my labels should be checked first? a list please", both(has("tool:label_noise", "failsight labels export"))),
    Said("would you write one page for our director?", both(has("report", "requester", "!outside what I can help with"))),
]  # fmt: skip

BELT = [
    Said("Can the camera sort everything alone, without anyone checking?", everything),
    Said("film from line 3 on the night shift should go to an inspector, what is left and how many of these are wrong?", left({"true": "film", **LINE})),
    Said("no, everything from line 3 at night, whatever it is", None),
    Said("all items of line 3 at night and all items with more than 800 lamp hours are to be sorted by hand", divided(LINE, WORN)),
    Said("how many of what remains would still be sorted wrongly?", left(LINE, WORN)),
    Said("and per class?", lambda w: [w.counted(true="can", line=lambda v: True)[:0] or f"#{int((~handed(w, [LINE, WORN]) & (w.answers['data'] == c)).sum()):,}" for c in (0, 1)]),
    Said("at most 3 wrong in 100, can we get there?", reaching(0.03, LINE, WORN)),
    Said("and if the inspectors can only check 500 items?", has("^The groups alone are 518, more than the 500")),
    Said("and if they manage to check 600 of them?", within(600, LINE, WORN)),
    Said("it's not the operator's fault, is it?", by_value(NOTHING, "operator", "Ehlers", "Fofana", "Anders")),
    Said("line 3 is not the problem, is it?", denied(BY_ITSELF, line=3)),
    Said("then the shift has nothing to do with it?", by_value(AGAINST, "shift", "early", "late", "night")),
    Said("and it is not the speed either, is it?", lambda w: [f"^{NOTHING}", *told_of(w, w.mask(speed=lambda v: v > float(w.middle("speed")))), "!Yes"]),
    Said("it doesn't come from dirty=yes, does it?", denied(NOTHING, dirty="yes")),
    Said("which film items are wrong? give me a file", file_of("*.csv", lambda w: int((wrong(w) & w.mask(true="film")).sum()))),
    Said("write a letter to the plant manager", has("report", "!outside what I can help with")),
]  # fmt: skip

CLINIC = [
    Said("which images must a doctor see, and which can it do on its own?", both(everything)),
    Said("we accept at most 5 % wrong among the ones it decides alone", reaching(0.05)),
    Said("suppose all malignant-looking ones with hair always go to a doctor", lambda w: divided_by(w, (w.answers["data"] == 1) & w.mask(hair="yes"))),
    Said("what share would the doctors see, and how many of the others are wrong?", lambda w: divided_by(w, (w.answers["data"] == 1) & w.mask(hair="yes"))),
    Said("leave out the ones with hair from Ost altogether, they go to the doctor too", lambda w: divided_by(w, hairy(w))),
    Said("so it isn't the hair?", both(NO_YES, lambda w: told_of(w, w.mask(hair="yes")))),
    Said("it isn't the scanner, right?", by_value(NOTHING, "scanner", "Alpha", "Beta")),
    Said("export the wrong ones that it was very sure of", file_of("*.csv", lambda w: int(wrong(w).sum()))),
    Said("we need 95 % right in the ones it answers itself, the rest may go to people", lambda w: [f"~{number(0.8)}", *told(~hairy(w) & sure(w, 0.8), w)]),
]  # fmt: skip

ORCHARD = [
    Said("How many of the pictures would be wrong if I just let it run?", everything),
    Said("wet fruit and Boskop should be looked at by people", divided({"wet": "yes"}, {"variety": "Boskop"})),
    Said("and what about only those where it is at least 90 % sure?", divided({"wet": "yes"}, {"variety": "Boskop"}, bar=0.9)),
    Said("not the Boskop, leave these to it", divided({"wet": "yes"}, bar=0.9)),
    Said("at what sureness would no more than 5 in 100 be wrong?", reaching(0.05, {"wet": "yes"})),
    Said("and for the wet ones alone?", None),
    Said("so it has not got anything to do with the variety?", by_value(NOTHING, "variety", "Boskop", "Elstar", "Topaz")),
    Said("the weather doesn't matter, does it?", by_value(NOTHING, "weather", "sunny", "cloudy")),
    Said("can i have the wrong ones as a csv", file_of("*.csv", lambda w: int(wrong(w).sum()))),
    Said("put the pictures that people must check into a spreadsheet", file_of("people-*.csv", lambda w: int(handed(w, [{"wet": "yes"}], lowest(w, 0.05, [{"wet": "yes"}])).sum()))),
]  # fmt: skip


def hairy(w: World) -> Mask:
    """Images with hair that are called malignant, or that are from Ost."""
    return np.asarray(((w.answers["data"] == 1) & w.mask(hair="yes")) | w.mask(hair="yes", site="Ost"))


def divided_by(w: World, away: Mask) -> list[str]:
    return [f"#{int(away.sum()):,}", *told(~away, w)]


TALKS: dict[str, list[Said]] = {"archive": ARCHIVE, "belt": BELT, "clinic": CLINIC, "orchard": ORCHARD}
MEASURED = ("evaluate", "confusion_matrix", "find_slices", "confidence_profile")


def worlds(folder: Path, name: str) -> World:
    """One of the worlds of these talks, measured."""
    _register()
    return known_talk.world(folder, name, MEASURED)


def score(folder: Path, name: str) -> tuple[int, list[str]]:
    """How many sentences of a talk have an answer to check, and those whose answer lacks something."""
    made = worlds(folder / name, name)
    answers = talk(made.case, [one.text for one in TALKS[name]], close=False)
    bad, checked = [], 0
    for one, got in zip(TALKS[name], answers, strict=True):
        if one.wanted is None:
            continue
        checked += 1
        if lacking := missed(got, one.wanted(made), made):
            bad.append(f"{one.text}\n   lacks {lacking}, ran {got.tools}\n   {got.words[:900]}")
    made.case.close()
    return checked, bad


if __name__ == "__main__":
    import sys
    import tempfile

    whole = right = 0
    for world_name in sys.argv[1:] or sorted(TALKS):
        with tempfile.TemporaryDirectory() as into:
            n, failing = score(Path(into), world_name)
        print("\n".join(failing))
        print(f"{world_name}: {n - len(failing)} of {n}")
        whole, right = whole + n, right + n - len(failing)
    print(f"all: {right} of {whole}")
