"""Evidence of pictures that were made for a repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from failsight.tools.evidence import Cell, Evidence, Fact, Figure, Table
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.inputs.base import BadImage, Split
from failsight.tools.notes import called
from failsight.tools.repair.making import Outcome, reasons, wanted_of
from failsight.tools.repair.sieve import CLASS
from failsight.tools.repair.wishes import Brief
from failsight.tools.repair.workshop import MANIFEST, Record, Workshop
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, counted, listing, number

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

SHOWN = 16
COLUMNS = 4
SIDE = 336


@dataclass(frozen=True)
class Making:
    """What is reported: the brief, the maker's name, the outcome, and where it lies."""

    brief: Brief
    source: str
    outcome: Outcome
    workshop: Workshop
    split: Split
    count: int
    notes: tuple[str, ...] = ()

    @property
    def made(self) -> list[Record]:
        """Pictures that exist."""
        return [r for r in self.outcome.records.values() if r.file]

    @property
    def folder(self) -> str:
        """Relative to the case folder."""
        return f"{self.workshop.folder.parent.name}/{self.workshop.name}"


def evidence(view: CaseView, making: Making) -> Evidence:
    """All of it."""
    figure = _sheet(view, making)
    return Evidence(
        tool="generate_repair_data",
        title="Pictures for a repair",
        summary=_summary(making),
        facts=_facts(making),
        tables=_tables(making),
        figures=(figure,) if figure else (),
        questions=("iterations.1", "input.9"),
        notes=(*making.notes, *_notes(making)),
        next_steps=_next_steps(making),
    )


def _summary(making: Making) -> str:
    out, kept = making.outcome, len(making.outcome.kept)
    whom = f" for {making.brief.finding}" if making.brief.finding else ""
    text = (
        f"{counted(len(making.made), 'picture was made', 'pictures were made')}{whom} ({clean(making.source, 80)}), {kept:,} {'was' if kept == 1 else 'were'} kept: "
        f"{making.folder}/{MANIFEST} lists them with label, attributes, prompt and source."
    )
    if out.seen:
        share = _found(making)
        text += f" The encoder found what was wanted in {number(share[0] / share[1])} of those it looked at."
    if out.errors:
        wrong = sum(out.errors.values())
        text += f" The model gets {number(wrong / len(out.errors))} of the kept ones wrong."
    if kept < making.count:
        text += f" {making.count - kept:,} fewer than asked for."
    return text


def _found(making: Making) -> tuple[int, int]:
    seen = [n for n in making.outcome.seen if n in making.outcome.records]
    return sum(making.outcome.shows(n) for n in seen), max(1, len(seen))


def _facts(making: Making) -> tuple[Fact, ...]:
    out = making.outcome
    made = [
        Fact("pictures_made", len(making.made), "count"),
        Fact("pictures_kept", len(out.kept), "count", direction="higher_is_better"),
        Fact("repeats_left_out", len(out.repeats), "count", direction="lower_is_better"),
        Fact("folder", making.folder, "text"),
        Fact("manifest", f"{making.folder}/{MANIFEST}", "text"),
        Fact("rows_in_manifest", len(out.kept), "count", f"set {making.workshop.name}"),
    ]
    if out.seen:
        made += _seen_facts(making)
    if out.errors:
        made.append(_rate("error_rate_on_made", list(out.errors.values()), "", "neutral"))
        for k, wish in enumerate(making.brief.wishes):
            mine = [wrong for n, wrong in out.errors.items() if out.records[n].wish == k]
            if mine:
                made.append(_rate("error_rate_on_made", mine, wish.wanted.name, "neutral"))
    return tuple(made)


def _seen_facts(making: Making) -> list[Fact]:
    """How often each wanted attribute, and the class, was found in what was made, kept or not."""
    out = making.outcome
    found: dict[str, list[bool]] = {}
    for n, seen in sorted(out.seen.items()):
        for name, value in wanted_of(out.records[n]).items():
            if name in seen.values:
                found.setdefault(name, []).append(seen.values[name] == value)
    one, all_of = _found(making)
    made = [_rate("wanted_found", [True] * one + [False] * (all_of - one), "", "higher_is_better")]
    for name, hits in found.items():
        what = "class" if name == CLASS else f"attribute {clean(name, 60)}"
        made.append(_rate("wanted_found", hits, what, "higher_is_better"))
    return made


def _rate(name: str, hits: list[bool], of: str, direction: str) -> Fact:
    return Fact(
        name,
        sum(hits) / len(hits),
        "share",
        of,
        wilson(sum(hits), len(hits)),
        len(hits),
        direction,  # type: ignore[arg-type]
    )


def _tables(making: Making) -> tuple[Table, ...]:
    out = making.outcome
    rows: list[tuple[Cell, ...]] = []
    for k, wish in enumerate(making.brief.wishes):
        mine = [r for r in making.made if r.wish == k]
        looked = [r for r in mine if r.number in out.seen]
        hit = sum(out.shows(r.number) for r in looked)
        kept = [n for n in out.kept if out.records[n].wish == k]
        wrong = [out.errors[n] for n in kept if n in out.errors]
        rows.append(
            (
                wish.wanted.name,
                {"add": "cue put in", "remove": "cue taken out", "make": "made"}[wish.change],
                clean(mine[0].prompt, 160) if mine else "",
                len(mine),
                hit / len(looked) if looked else None,
                len(kept),
                sum(wrong) / len(wrong) if wrong else None,
            )
        )
    table = Table(
        "What was made",
        ("wanted", "how", "prompt", "made", "found in", "kept", "model wrong on"),
        tuple(rows),
        ("text", "text", "text", "count", "share", "count", "share"),
        "Found in: share in which the case's encoder sees what was wanted.",
    )
    why = reasons(out.records)
    if not why:
        return (table,)
    lost = Table(
        "Pictures that could not be made",
        ("reason", "pictures"),
        tuple((clean(k, 120), n) for k, n in sorted(why.items(), key=lambda kv: -kv[1])),
        ("text", "count"),
    )
    return table, lost


def _notes(making: Making) -> list[str]:
    out, made = making.outcome, []
    if out.unfiltered:
        made.append(
            f"The pictures were not filtered by what is to be seen in them: {clean(out.unfiltered, 200).rstrip('.')}. Look at the sheet."
        )
    if out.unknown:
        made.append(f"The encoder has no words for {listing(list(out.unknown))}; that was not looked for.")
    if out.rejected:
        made.append(f"Put aside by hand: picture {', '.join(map(str, out.rejected[:20]))}.")
    if making.split != "train":
        made.append(
            f"Made from {called(making.split)}: such pictures must not be verified on those they were made from "
            "(column repair_of); give training images where there are any."
        )
    if making.brief.kind and "composed" in {r.origin for r in making.made}:
        made.append(
            "Seams and fills are in both kinds of pictures, so that neither tells the class; verify on untouched pictures only."
        )
    return made


def _next_steps(making: Making) -> tuple[str, ...]:
    if not making.outcome.kept:
        return ("Try another method or pipeline, or collect such pictures.",)
    return (
        "Look at the contact sheet; call again with reject=NUMBERS to put pictures aside.",
        f"Retrain with {making.folder}/{MANIFEST} as additional training data, beside a control arm.",
    )


def _sheet(view: CaseView, making: Making) -> Figure | None:
    """Kept pictures of every wish in turn; one that was made from another stands beside it."""
    out = making.outcome
    by_wish = [[n for n in out.kept if out.records[n].wish == k] for k in range(len(making.brief.wishes))]
    chosen = [
        n for turn in zip(*(_padded(b, SHOWN) for b in by_wish), strict=True) for n in turn if n is not None
    ]
    tiles: list[Tile] = []
    for n in chosen[:SHOWN]:
        record = out.records[n]
        before = _before(view, making, record)
        if before is not None:
            tiles.append(before)
        said = " ".join(f"{k}={v}" for k, v in record.wanted.items())
        tiles.append(
            Tile(_small(making.workshop.open(record)), (f"{n}: {clean(record.label, 40)}", clean(said, 60)))
        )
        if len(tiles) >= SHOWN:
            break
    if not tiles:
        return None
    rows = [tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)]
    return view.save_figure(
        f"made_{making.workshop.name}",
        sheet(rows),
        title="Made for the repair",
        alt=f"{len(tiles)} tiles: pictures that were made, with number, label and wanted attribute; each beside the picture "
        "it was made from, where there is one",
        caption="Numbers are those of reject.",
    )


def _padded(numbers: list[int], length: int) -> list[int | None]:
    return [*numbers[:length], *([None] * (length - len(numbers[:length])))]


def _before(view: CaseView, making: Making, record: Record) -> Tile | None:
    if not record.repair_of:
        return None
    table = view.table(making.split)
    try:
        row = list(table.paths).index(record.repair_of)
        return Tile(
            _small(table.open(row).convert("RGB")), ("before", clean(record.repair_of.rsplit("/", 1)[-1], 40))
        )
    except (ValueError, BadImage):
        return None


def _small(image: object) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image.thumbnail((SIDE, SIDE))  # type: ignore[attr-defined]
    return np.asarray(image, np.uint8)
