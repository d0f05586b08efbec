"""Four worlds of columns in which words are easily taken for another thing, and sentences about groups of their images with known answers.

``python -m tests.agent.grouped_talk`` prints how many of the sentences are answered right, and those that are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.text import number
from tests.agent.known_talk import Answer, Columns, World, talk
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EACH = 1440  # images of a world
NIGHT = (22, 23, 0, 1, 2, 3, 4, 5)


class Grouped(World):
    """A world in which all but some images can be counted."""

    def rest(self, *, right: bool = False, of: str = "", **held: Any) -> str:
        """``12 of 40``: how many of the images outside of a group are wrong, or right; ``of``: those of a class."""
        inside = ~self.mask(**held)
        inside &= self.mask(true=of) if of else True
        wrong = (self.labels["data"] != self.answers["data"]) & inside
        k = int((inside & ~wrong).sum() if right else wrong.sum())
        return f"{k:,} of {int(inside.sum()):,}"

    def called(self, true: str, predicted: str, **held: Any) -> str:
        """``12 of 40``: how many images of a class, in a group, are called another."""
        return f"{self.taken(true, predicted, **held):,} of {int(self.mask(true=true, **held).sum()):,}"

    def weakest(self) -> str:
        """The class that is recognised least often."""
        return min(self.classes, key=lambda c: _share(self.counted(true=c, right=True)))

    def row(self, true: str) -> list[tuple[str, int]]:
        """What images of a class are taken for, most often first."""
        found = [(c, self.taken(true, c)) for c in self.classes if c != true]
        return sorted(found, key=lambda r: -r[1])


def _share(told: str) -> float:
    k, n = (int(x) for x in told.replace(",", "").split(" of "))
    return k / n


def one_of(*values: Any) -> Callable[[Any], bool]:
    """Whether a value is one of these."""
    return lambda v: v in values


def _feeder(n: int, rng: np.random.Generator) -> Columns:
    return {
        "garden": rng.choice(["hill", "lake", "town"], n), "camera": rng.choice(["old", "new"], n), "observer_age": rng.integers(18, 86, n),
        "month": rng.integers(1, 13, n), "hour": rng.integers(0, 24, n), "ringed": rng.choice(["yes", "no"], n),
    }  # fmt: skip


def _pills(n: int, rng: np.random.Generator) -> Columns:
    return {
        "plant": rng.choice(["East", "North", "West"], n), "size": rng.choice(["small", "large"], n), "area_mm2": rng.integers(20, 90, n),
        "weekday": rng.choice(list(DAYS), n), "wrapped": rng.choice(["yes", "no"], n),
    }  # fmt: skip


def _boats(n: int, rng: np.random.Generator) -> Columns:
    return {
        "port": rng.choice(["Bergen", "Oslo", "Tromso"], n), "light": rng.choice(["dark", "bright"], n), "season": rng.choice(["spring", "summer", "autumn", "winter"], n),
        "daytime": rng.choice(["morning", "noon", "evening"], n), "month": rng.choice(list(MONTHS), n), "weekday": rng.integers(1, 8, n), "anchored": rng.choice(["yes", "no"], n),
    }  # fmt: skip


def _archive(n: int, rng: np.random.Generator) -> Columns:
    return {
        "decade": rng.choice(["1930s", "1940s", "1950s", "1960s"], n), "scanner": rng.choice(["new overhead", "old flatbed"], n), "colour": rng.choice(["black and white", "colour"], n),
        "retouched": rng.choice(["yes", "no"], n),
    }  # fmt: skip


def _wrong_feeder(name: str, row: dict[str, Any]) -> float:
    if row["garden"] == "lake" and row["camera"] == "old":
        return 0.75
    return 0.65 if name == "robin" and row["ringed"] == "yes" else 0.35 if row["month"] in (12, 1, 2) else 0.2


def _wrong_pills(name: str, row: dict[str, Any]) -> float:
    if row["plant"] == "North" and row["size"] == "small":
        return 0.7
    return 0.6 if name == "capsule" and row["wrapped"] == "yes" else 0.2


def _wrong_boats(name: str, row: dict[str, Any]) -> float:
    if row["port"] == "Tromso" and row["light"] == "dark":
        return 0.7
    return 0.6 if name == "yacht" and row["anchored"] == "yes" else 0.4 if row["season"] == "winter" else 0.2


def _wrong_archive(name: str, row: dict[str, Any]) -> float:
    if row["decade"] == "1950s" and row["scanner"] == "old flatbed":
        return 0.65
    return 0.6 if name == "kitchen" and row["colour"] == "black and white" else 0.25


_WORLDS: dict[str, tuple[tuple[str, ...], Any, Any]] = {
    "feeder": (("finch", "robin", "tit", "wren"), _feeder, _wrong_feeder),
    "pills": (("capsule", "lozenge", "tablet"), _pills, _wrong_pills),
    "boats": (("ferry", "tug", "yacht"), _boats, _wrong_boats),
    "archive": (("bathroom", "bedroom", "kitchen"), _archive, _wrong_archive),
}


def world(folder: Path, name: str) -> Grouped:
    """One of the worlds, with its accuracy measured."""
    classes, columns_of, rate = _WORLDS[name]
    rng = np.random.default_rng(11)
    labels = np.arange(EACH) % len(classes)
    columns = columns_of(EACH, rng)
    rows = [{c: v[i] for c, v in columns.items()} for i in range(EACH)]
    wrong = rng.random(EACH) < np.array([rate(classes[k], r) for k, r in zip(labels, rows, strict=True)])
    away = np.where(rng.random(EACH) < 0.7, 1, 2)
    answers = np.where(wrong, (labels + away) % len(classes), labels)
    sure = np.where(wrong, rng.uniform(0.5, 0.8, EACH), rng.uniform(0.7, 0.99, EACH))
    pixels = np.zeros((EACH, 8, 8, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = (answers * 20)[:, None, None], np.round(sure * 250)[:, None, None]
    pixels[:, 0, 0, 2], pixels[:, 0, 1, 2] = np.arange(EACH) % 256, np.arange(EACH) // 256  # no two are alike
    table = FakeTable(pixels, labels.tolist(), classes, {k: v.tolist() for k, v in columns.items()})

    def rule(x: np.ndarray) -> np.ndarray:
        at = np.round(x[:, 4, 4, 0] * 255 / 20).astype(int)
        p = np.clip(x[:, 4, 4, 1] * 255 / 250, 0.01, 0.999)
        raw = np.tile(np.log((1 - p) / (len(classes) - 1))[:, None], (1, len(classes)))
        raw[np.arange(len(x)), at] = np.log(p)
        return raw

    made = Grouped(FakeCase(folder, {"data": table}, FakeModel(rule, classes, (8, 8))), classes)
    made.labels["data"], made.answers["data"], made.sure["data"], made.columns["data"] = labels, answers, sure, columns  # fmt: skip
    made.case.call("evaluate", {})
    return made


@dataclass(frozen=True)
class Asked:
    """What is said, turn by turn, what the last answer must hold, and what it must not."""

    world: str
    said: tuple[str, ...]
    wanted: Callable[[Grouped], Sequence[str]]
    never: tuple[str, ...] = field(default=())


def asked(world_: str, *said: str, wanted: Callable[[Grouped], Sequence[str]], never: Sequence[str] = ()) -> Asked:  # fmt: skip
    return Asked(world_, said, wanted, tuple(never))


def _cells(w: Grouped, a: tuple[str, Any], b: tuple[str, Any]) -> list[str]:
    """How many are wrong with both of two conditions, with each alone, and with neither."""
    (x, p), (y, q) = a, b
    no = [(lambda v, own=o: v != own) for o in (p, q)]
    return [w.counted(**{x: p, y: q}), w.counted(**{x: p, y: no[1]}), w.counted(**{x: no[0], y: q}), w.counted(**{x: no[0], y: no[1]})]  # fmt: skip


def _without_both(w: Grouped) -> list[str]:
    """How many are right outside of two groups, of which one is a part of a class."""
    inside = ~(
        w.mask(true="kitchen", colour="black and white") | w.mask(decade="1950s", scanner="old flatbed")
    )
    right = (w.labels["data"] == w.answers["data"]) & inside
    return [f"{int(right.sum()):,} of {int(inside.sum()):,}"]


WINTER, SUMMER = (12, 1, 2), (6, 7, 8)
AGES = ("observer_age",)
DEVELOPMENT: tuple[Asked, ...] = (
    # a value that is also a word of age or size
    asked("feeder", "is it worse with the old cameras?", wanted=lambda w: _rates(w.counted(camera="old"), w.counted(camera="new")), never=AGES),
    asked("feeder", "how many pictures from old cameras are wrong?", wanted=lambda w: [w.counted(camera="old")], never=AGES),
    asked("feeder", "how is it for old cameras that are not at the lake?", wanted=lambda w: [w.counted(camera="old", garden=lambda v: v != "lake", right=True)], never=AGES),
    asked("pills", "are small pills wrong more often than large ones?", wanted=lambda w: [w.counted(size="small"), w.counted(size="large")], never=["area_mm2"]),
    asked("pills", "how many small tablets are called lozenge?", wanted=lambda w: [w.called("tablet", "lozenge", size="small")], never=["area_mm2"]),
    # two things asked as alternatives
    asked("feeder", "is it worse at the lake than in the other gardens?", "is it the garden or is it the old cameras?", wanted=lambda w: _cells(w, ("garden", "lake"), ("camera", "old")), never=AGES),
    asked("feeder", "is it the lake or the old cameras?", wanted=lambda w: _cells(w, ("garden", "lake"), ("camera", "old")), never=AGES),
    asked("feeder", "Is that because of the old cameras or because of the lake?", wanted=lambda w: _cells(w, ("garden", "lake"), ("camera", "old")), never=AGES),
    asked("pills", "is it the small ones or is it the plant North?", wanted=lambda w: _cells(w, ("plant", "North"), ("size", "small")), never=["area_mm2"]),
    asked("pills", "Is it more the North plant or the small pills?", wanted=lambda w: _cells(w, ("plant", "North"), ("size", "small")), never=["area_mm2"]),
    asked("pills", "is it the plant or is it the weekday?", wanted=lambda w: [w.counted(plant="North"), w.counted(weekday="Monday")]),
    asked("boats", "is it Tromso or is it just the dark?", wanted=lambda w: _cells(w, ("port", "Tromso"), ("light", "dark"))),
    asked("boats", "how is it at Tromso?", "is that the port, or is it the dark pictures?", wanted=lambda w: _cells(w, ("port", "Tromso"), ("light", "dark"))),
    asked("boats", "maybe it is not Tromso but the dark pictures?", wanted=lambda w: _cells(w, ("port", "Tromso"), ("light", "dark"))),
    # a relative clause, and the other side with the same quantity
    asked("feeder", "do robins that are ringed get called tit more often than robins that are not ringed?", wanted=lambda w: [w.called("robin", "tit", ringed="yes"), w.called("robin", "tit", ringed="no")]),
    asked("feeder", "are ringed robins taken for tits more often than the others?", wanted=lambda w: [w.called("robin", "tit", ringed="yes"), w.called("robin", "tit", ringed="no")]),
    asked("feeder", "are ringed robins wrong more often than the rest of the robins?", wanted=lambda w: _rates(w.counted(true="robin", ringed="yes"), w.counted(true="robin", ringed="no"))),
    asked("feeder", "Okay, what about robins that sit at the lake, do they get called tit more often than robins in town?", wanted=lambda w: [w.called("robin", "tit", garden="lake"), w.called("robin", "tit", garden="town")]),
    asked("feeder", "what about robins at the lake, are they called tits more often than elsewhere?", wanted=lambda w: [w.called("robin", "tit", garden="lake"), w.called("robin", "tit", garden=lambda v: v != "lake")]),
    asked("pills", "do capsules that are wrapped get called lozenge more often than those that are not?", wanted=lambda w: [w.called("capsule", "lozenge", wrapped="yes"), w.called("capsule", "lozenge", wrapped="no")]),
    asked("pills", "are wrapped capsules mistaken for lozenges more often than unwrapped ones?", wanted=lambda w: [w.called("capsule", "lozenge", wrapped="yes"), w.called("capsule", "lozenge", wrapped="no")]),
    asked("boats", "do anchored yachts get taken for ferries more often than yachts that are not anchored?", wanted=lambda w: [w.called("yacht", "ferry", anchored="yes"), w.called("yacht", "ferry", anchored="no")]),
    asked("boats", "yachts in Bergen, do they get called ferry more often than the others?", wanted=lambda w: [w.called("yacht", "ferry", port="Bergen"), w.called("yacht", "ferry", port=lambda v: v != "Bergen")]),
    asked("boats", "are tugs in the dark called yacht more often than tugs in bright light?", wanted=lambda w: [w.called("tug", "yacht", light="dark"), w.called("tug", "yacht", light="bright")]),
    asked("boats", "are yachts which are anchored less often right than yachts which are not?", wanted=lambda w: [w.counted(true="yacht", anchored="yes", right=True), w.counted(true="yacht", anchored="no", right=True)]),
    # months, seasons, weekdays, times of day
    asked("feeder", "how many pictures in winter are wrong?", wanted=lambda w: [w.counted(month=one_of(*WINTER)), "month"]),
    asked("feeder", "is it worse in December, January and February?", wanted=lambda w: _rates(w.counted(month=one_of(*WINTER)), w.counted(month=lambda v: v not in WINTER))),
    asked("feeder", "in summer it is worse, isn't it?", wanted=lambda w: _rates(w.counted(month=one_of(*SUMMER)), w.counted(month=lambda v: v not in SUMMER))),
    asked("feeder", "And does the month matter, because in winter it is dark when people take the photos?", wanted=lambda w: [w.counted(month=one_of(*WINTER)), w.counted(month=lambda v: v not in WINTER)], never=["brightness"]),
    asked("feeder", "does the month matter?", wanted=lambda w: [w.counted(month=1), w.counted(month=7)], never=["month>"]),
    asked("feeder", "how many pictures taken in June are wrong?", wanted=lambda w: [w.counted(month=6)]),
    asked("feeder", "how many are wrong in the morning?", wanted=lambda w: [w.counted(hour=one_of(*range(6, 12)))]),
    asked("feeder", "is it worse at night?", wanted=lambda w: _rates(w.counted(hour=one_of(*NIGHT)), w.counted(hour=lambda v: v not in NIGHT)), never=["brightness"]),
    asked("feeder", "does the hour of the day matter?", wanted=lambda w: ["hour=", w.counted(hour=max(range(24), key=lambda h: _share(w.counted(hour=h))))], never=["hour>"]),
    asked("pills", "is it worse on weekends?", wanted=lambda w: _rates(w.counted(weekday=one_of("Saturday", "Sunday")), w.counted(weekday=lambda v: v not in ("Saturday", "Sunday")))),
    asked("pills", "how many are wrong at the weekend?", wanted=lambda w: [w.counted(weekday=one_of("Saturday", "Sunday"))]),
    asked("pills", "is Monday worse than Friday?", wanted=lambda w: [_other(w.counted(weekday="Monday")), _other(w.counted(weekday="Friday"))]),
    asked("pills", "does the weekday matter?", wanted=lambda w: [w.counted(weekday="Monday"), w.counted(weekday="Sunday")]),
    asked("boats", "in winter it is worse, isn't it?", wanted=lambda w: _rates(w.counted(season="winter"), w.counted(season=lambda v: v != "winter"))),
    asked("boats", "is it worse in December, January and February?", wanted=lambda w: _rates(w.counted(month=one_of("Dec", "Jan", "Feb")), w.counted(month=lambda v: v not in ("Dec", "Jan", "Feb")))),
    asked("boats", "is it worse in the morning than in the evening?", wanted=lambda w: [_other(w.counted(daytime="morning")), _other(w.counted(daytime="evening"))]),
    asked("boats", "how many pictures are wrong at weekends?", wanted=lambda w: [w.counted(weekday=one_of(6, 7)), "weekday"]),
    asked("boats", "how many pictures in March are wrong?", wanted=lambda w: [w.counted(month="Mar")]),
    asked("boats", "does the weekday make any difference?", wanted=lambda w: [w.counted(weekday=1), w.counted(weekday=7)], never=["weekday>"]),
    # groups that stay as they were said
    asked("feeder", "Compare hill and town without the lake, and tell me whether the wrens are okay there.", wanted=lambda w: [w.counted(true="wren", garden=lambda v: v != "lake", right=True)]),
    asked("feeder", "how good is it without the old cameras at the lake?", wanted=lambda w: [w.rest(garden="lake", camera="old", right=True)]),
    asked("feeder", "how good is it without the old cameras at the lake?", "and the robins, are they okay there?", wanted=lambda w: [w.rest(garden="lake", camera="old", right=True, of="robin")]),
    asked("feeder", "Apart from old cameras at the lake, how many are wrong?", wanted=lambda w: [w.rest(garden="lake", camera="old")]),
    asked("feeder", "If we just throw away the old cameras at the lake, how good would it be for the rest?", wanted=lambda w: [w.rest(garden="lake", camera="old", right=True)]),
    asked("feeder", "how many old pictures at the lake are wrong?", "and for the rest?", wanted=lambda w: [w.rest(garden="lake", camera="old")], never=AGES),
    asked("pills", "how good is it without West?", "and are tablets okay there?", wanted=lambda w: [w.counted(true="tablet", plant=lambda v: v != "West", right=True)]),
    asked("pills", "how good is it apart from the small ones at North?", wanted=lambda w: [w.rest(plant="North", size="small", right=True)]),
    asked("pills", "If we leave out small pills at North, how good is it for the rest?", wanted=lambda w: [w.rest(plant="North", size="small", right=True)]),
    asked("boats", "how many pictures at Oslo are wrong?", "and for the rest?", wanted=lambda w: [w.counted(port=lambda v: v != "Oslo")]),
    asked("boats", "how many are wrong without Tromso in the dark?", "and how many of the ferries there?", wanted=lambda w: [w.rest(port="Tromso", light="dark", of="ferry")]),
    asked("boats", "how many are wrong in the dark?", "and how many yachts there?", wanted=lambda w: [w.counted(true="yacht", light="dark")]),
    # which is worse, which class is wrong most, what it takes them for
    asked("feeder", "which bird is wrong most?", wanted=lambda w: [w.weakest(), w.counted(true=w.weakest())]),
    asked("feeder", "And which bird does it get wrong the most?", "what does it take them for then?", wanted=lambda w: [f"{c} {k}" for c, k in w.row(w.weakest()) if k]),
    asked("feeder", "which of the two is worse, robin or wren?", wanted=lambda w: [w.counted(true="robin", right=True), w.counted(true="wren", right=True)]),
    asked("feeder", "which of the two is worse, the lake or the old cameras?", wanted=lambda w: [w.counted(garden="lake", right=True), w.counted(camera="old", right=True)], never=AGES),
    asked("pills", "which pill is wrong most often, and what is it taken for?", wanted=lambda w: [w.counted(true=w.weakest()), *(f"{c} {k}" for c, k in w.row(w.weakest()) if k)]),
    asked("pills", "what kind of pill fails most?", wanted=lambda w: [w.weakest(), w.counted(true=w.weakest())]),
    asked("pills", "which is worse, tablet or capsule?", wanted=lambda w: [w.counted(true="tablet", right=True), w.counted(true="capsule", right=True)]),
    asked("boats", "which boat is worse, ferry or tug?", wanted=lambda w: [w.counted(true="ferry", right=True), w.counted(true="tug", right=True)]),
    asked("boats", "which boat does it get wrong the most, and what does it say instead?", wanted=lambda w: [w.counted(true=w.weakest()), *(f"{c} {k}" for c, k in w.row(w.weakest()) if k)]),
    # decades, values told by a part of their names, and groups that are narrowed
    asked("archive", "how many of the fifties are wrong?", wanted=lambda w: [w.counted(decade="1950s")]),
    asked("archive", "how many are wrong in the 40s and 50s?", wanted=lambda w: [w.counted(decade=one_of("1940s", "1950s"))]),
    asked("archive", "how many of the flatbed scans of the nineteen fifties are wrong?", wanted=lambda w: [w.counted(decade="1950s", scanner="old flatbed")]),
    asked("archive", "how many pictures in colour are wrong?", wanted=lambda w: [w.counted(colour="colour")]),
    asked("archive", "how many kitchens are wrong?", "only the retouched ones in colour", wanted=lambda w: [w.counted(true="kitchen", colour="colour", retouched="yes")]),
    asked("archive", "Are the black and white ones worse?", "Hm, and within the kitchens?", wanted=lambda w: [w.counted(true="kitchen", colour="black and white"), w.counted(true="kitchen", colour="colour")]),
    asked("archive", "What about retouched ones?", "No I meant only the retouched ones in colour.", wanted=lambda w: [w.counted(retouched="yes", colour="colour")]),
    asked("archive", "Show me the kitchens it calls bathroom", "and only the coloured ones", wanted=lambda w: [f"{w.taken('kitchen', 'bathroom', colour='colour'):,} of {EACH:,} evaluation images"]),
    asked("archive", "Which rooms does it give those black and white kitchens instead, please?", wanted=lambda w: [f"bathroom {w.taken('kitchen', 'bathroom', colour='black and white')}", f"bedroom {w.taken('kitchen', 'bedroom', colour='black and white')}"]),
    asked("archive", "which room is wrong most?", "Which rooms does it give instead?", wanted=lambda w: [f"{c} {k}" for c, k in w.row(w.weakest()) if k]),
    asked("archive", "how good is it without the black and white kitchens and without the 1950s flatbed scans?", wanted=_without_both),
    asked("archive", "How good is it?", "And leaving the 1950s flatbed scans and the black and white kitchens out of it?", wanted=_without_both),
    # columns whose name is the word, and errors that are not more
    asked("feeder", "how often is a robin taken for a tit when ringed?", wanted=lambda w: [w.called("robin", "tit", ringed="yes")]),
    asked("pills", "how often is a capsule taken for a lozenge wrapped?", wanted=lambda w: [w.called("capsule", "lozenge", wrapped="yes")]),
    asked("boats", "how often is a yacht taken for a ferry anchored?", wanted=lambda w: [w.called("yacht", "ferry", anchored="yes")]),
    asked("feeder", "errors on old cameras are not more than on new ones", wanted=lambda w: [w.counted(camera="old"), w.counted(camera="new")], never=AGES),
    asked("pills", "the errors on small ones are not more than on large ones, are they?", wanted=lambda w: [w.counted(size="small"), w.counted(size="large")]),
    asked("boats", "errors on dark are not more than on bright", wanted=lambda w: [w.counted(light="dark"), w.counted(light="bright")]),
    asked("boats", "it does not make more mistakes at Tromso than at Oslo, does it?", wanted=lambda w: [w.counted(port="Tromso"), w.counted(port="Oslo")]),
)  # fmt: skip


def _rates(*told: str) -> list[str]:
    """``44.4 %`` of each of ``12 of 40``: where a test that compares a group tells the shares alone."""
    return [number(_share(t)) for t in told]


def _other(told: str) -> str:
    """How many, of however it is counted: right ones or wrong ones of the same images."""
    return f" of {told.partition(' of ')[2]}"


def is_right(got: Answer, one: Asked, made: Grouped) -> bool:
    """Whether an answer holds what is wanted, in words that a person reads."""
    return all(_holds(got.words, x) for x in one.wanted(made)) and not any(x in got.words for x in (*one.never, "not("))  # fmt: skip


def _holds(text: str, wanted: str) -> bool:
    """Whether a text has what is wanted; ``12 of 40`` also as its share, or that of the others, and the number of images."""
    found = re.fullmatch(r"([\d,]+) of ([\d,]+)", wanted)
    if wanted in text or found is None:
        return wanted in text
    k, n = (int(x.replace(",", "")) for x in found.groups())
    shares = (number(k / n), number(1 - k / n))
    return f"{n - k:,} of {n:,}" in text or (any(s in text for s in shares) and re.search(rf"(?<![\d,]){n:,}(?![\d,])", text) is not None)  # fmt: skip


def score(folder: Path, asked_: Sequence[Asked] = DEVELOPMENT) -> tuple[int, list[str]]:
    """How many sentences are answered right, and those that are not."""
    wrong = []
    for at, one in enumerate(asked_):
        made = world(folder / str(at), one.world)
        got = talk(made.case, one.said)[-1]
        if not is_right(got, one, made):
            wrong.append(f"[{one.world}] {' / '.join(one.said)}\n   wanted {list(one.wanted(made))}\n   → {got.tools} {got.words[:700]}")  # fmt: skip
    return len(asked_) - len(wrong), wrong


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        right, missed = score(Path(scratch))
    print("\n".join(missed))
    print(f"{right} of {len(DEVELOPMENT)}")
