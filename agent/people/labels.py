"""``failsight labels``: suspects out as a CSV for people, their verdicts back into the journal. User data are never modified."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.inputs.base import ImageTable, Split
    from failsight.tools.view import CaseView

HEADER = ("path", "given_label", "suggested_label", "score", "new_label")
UNSURE = ("?", "unsure")
LISTED = 100  # suspects that the tool lists by default: the same call is then answered from the journal
MOST_LISTED = 1000
MOST_ROWS = 10_000  # that the tool gives, those that were judged included
LARGEST = 64 * 2**20  # bytes of a file that is read back
Verdict = Literal["relabelled", "confirmed", "unsure"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came back.

    Attributes:
        verdicts: path → what a person said of it.
        precision, ci: share of wrong labels among the suspects that were decided, with its Wilson interval.
        agreed: relabelled images to which the suggested class was given.
        manifest: the corrected manifest, in the case folder.
        counted: what all labels that people decided on so far make of the errors, in sentences; empty where nothing was measured yet.
    """

    verdicts: Mapping[str, Mapping[str, str]]
    precision: float
    ci: tuple[float, float]
    agreed: int
    manifest: Path
    counted: str = ""

    def count(self, verdict: Verdict) -> int:
        """Images with this verdict."""
        return sum(v["verdict"] == verdict for v in self.verdicts.values())

    @property
    def sentence(self) -> str:
        """What a person reads afterwards."""
        relabelled, confirmed, unsure = (self.count(v) for v in ("relabelled", "confirmed", "unsure"))
        text = f"{relabelled:,} relabelled ({self.agreed:,} as suggested), {confirmed:,} confirmed, {unsure:,} unsure."
        if relabelled + confirmed:
            text += f" Of the suspects that were decided {number(self.precision)} {interval(self.ci)} were wrong labels."
        return f"{text} {self.counted}".strip()


def export(case: Case, target: Path, *, split: Split = "data", top: int | None = None) -> int:
    """Write the ranked suspects of ``label_noise`` that nobody has judged yet to ``target``; returns how many.

    Called again after verdicts came back, it lists the next ones.

    Raises:
        RetryError: the case can't be searched for wrong labels.
        UserError: the file can't be written, or exists already.
    """
    from failsight.tools.labels.tables import SUSPECTS

    if top is not None and not 1 <= top <= MOST_LISTED:
        raise UserError(f"--top {top} is out of range.", f"Give a number from 1 to {MOST_LISTED}.")
    judged = {path for path, v in case.state().relabelled.get(split, {}).items() if v["verdict"] != "unsure"}
    most = min(max(top or 0, LISTED) + len(judged), MOST_ROWS)
    evidence, _ = case.call("label_noise", {"split": split, "most": most}, by="person")
    rows = next((t.rows for t in evidence.tables if t.title == SUSPECTS), ())
    rows = tuple(row for row in rows if row[0] not in judged)[: top or LISTED]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows((*row[:4], "") for row in rows)
    try:
        with open(target, "x", encoding="utf-8", newline="", errors="surrogateescape") as file:
            file.write(text.getvalue())
    except FileExistsError:
        raise UserError(
            f"{target} exists already.", "Give another name: it may hold somebody's verdicts."
        ) from None
    except OSError as error:
        raise UserError(f"{target} can't be written ({error.strerror}).", "Give another place.") from None
    return len(rows)


def read_back(case: Case, source: Path, *, split: Split = "data") -> Imported:
    """Read verdicts from ``source``, journal them, and write the corrected manifest into the case folder.

    An empty ``new_label`` says that nobody looked; the given label confirms it; another class corrects it; ``?`` or
    ``unsure`` leaves it open.

    Raises:
        UserError: an unknown path or label, a repeated path, a missing column: nothing is then journalled.
    """
    from failsight.tools.stats.intervals import wilson

    table = case.table(split)
    verdicts = _verdicts(_rows(source), table, source.name)
    if not verdicts:
        raise UserError(
            f"{source.name} holds no verdict.",
            "Fill in the column new_label: a class, the given label again, or ?.",
        )
    counted = _counted(case, split, verdicts)
    case.record("labels.imported", file=source.name, split=split, verdicts=verdicts, counted=counted)
    wrong = sum(v["verdict"] == "relabelled" for v in verdicts.values())
    decided = wrong + sum(v["verdict"] == "confirmed" for v in verdicts.values())
    agreed = sum(v["verdict"] == "relabelled" and v["new"] == v["suggested"] for v in verdicts.values())
    manifest = _write_manifest(case, table, split)
    return Imported(
        verdicts, wrong / decided if decided else 0.0, wilson(wrong, decided), agreed, manifest, counted
    )


def _counted(case: Case, split: Split, verdicts: Mapping[str, Mapping[str, str]]) -> str:
    """What these verdicts, after those that came before them, make of the errors; empty for training images and where no answer was measured."""
    from failsight.agent.state import decided
    from failsight.tools.labels.corrected import corrected

    state = case.state()
    made = [e for e in state.evidence if e.tool in ("label_noise", "evaluate")]
    measured = any(e.arguments.get("split") in (None, split) for e in made)  # None: all that have labels
    if split == "train" or not measured:  # reading a file back must not wait for a pass of the model
        return ""
    said = decided({**state.relabelled.get(split, {}), **verdicts})
    try:
        found = corrected(cast("CaseView", case), case.predictions(split), said)
    except RetryError:
        return ""
    return found.counted if found else ""


def _rows(source: Path) -> list[dict[str, str]]:
    try:
        if source.stat().st_size > LARGEST:
            raise UserError(f"{source.name} is too large.", "It should hold one line a suspect.")
        text = source.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UserError(
            f"{source} can't be read ({error.strerror}).", "Give the file that was filled in."
        ) from None
    first = text.split("\n", 1)[0]
    delimiter = (
        ";" if first.count(";") > first.count(",") else ","
    )  # as spreadsheets of some countries write it
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval=""))
    except csv.Error as error:
        raise UserError(f"{source.name} is not a CSV file ({error}).", "Save it as CSV.") from None
    missing = [c for c in ("path", "new_label") if not rows or c not in rows[0]]
    if missing:
        raise UserError(
            f"{source.name} has no column {missing[0]}.",
            "Keep the header that `failsight labels export` wrote.",
        )
    return rows


def _verdicts(rows: Sequence[Mapping[str, str]], table: ImageTable, name: str) -> dict[str, dict[str, str]]:
    """Verdicts by path; every row is checked before anything is kept."""
    place = {path: i for i, path in enumerate(table.paths)}
    classes = {c: c for c in table.classes}
    folded: dict[str, list[str]] = {}
    for c in table.classes:
        folded.setdefault(c.casefold(), []).append(c)
    made: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows, 2):
        path, new = row["path"] or "", (row["new_label"] or "").strip()
        if path not in place:
            raise UserError(
                f"{name}, line {line}: there is no image {clean(path, 120)!r} in this case.", "Leave the paths as they were exported."
            )  # fmt: skip
        if not new:
            continue
        if path in made:
            raise UserError(
                f"{name}, line {line}: {clean(path, 120)!r} occurs twice.", "Keep one line an image."
            )
        label = int(table.labels[place[path]])
        given = table.classes[label] if label >= 0 else ""
        alike = folded.get(new.casefold(), [])
        chosen = classes.get(new) or (alike[0] if len(alike) == 1 else None)
        if new.casefold() in UNSURE and chosen is None:
            made[path] = _verdict("unsure", given, row, "")
        elif chosen is None:
            raise UserError(
                f"{name}, line {line}: there is no class {clean(new, 60)!r}.",
                f"Write one of {', '.join(clean(c, 40) for c in table.classes[:12])}, or ? when unsure.",
            )
        else:
            made[path] = _verdict("confirmed" if chosen == given else "relabelled", given, row, chosen)
    return made


def _verdict(verdict: Verdict, given: str, row: Mapping[str, str], new: str) -> dict[str, str]:
    return {"verdict": verdict, "given": given, "suggested": row.get("suggested_label") or "", "new": new}


def _write_manifest(case: Case, table: ImageTable, split: str) -> Path:
    """All labelled images with their corrected labels, metadata and boxes, as a manifest that ``--data`` reads where the images are files.

    Later verdicts on an image replace earlier ones.
    """
    from failsight.tools.inputs.fingerprint import write_atomically
    from failsight.tools.inputs.manifest import LOOKED_AT

    said: Mapping[str, Mapping[str, Any]] = case.state().relabelled.get(split, {})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = {name: values for name, values in table.columns.items() if name not in LOOKED_AT}
    boxes = table.boxes
    writer.writerow(("path", "label", *LOOKED_AT, *columns, *(["boxes"] if boxes is not None else [])))
    for row, (path, label) in enumerate(zip(table.paths, table.labels.tolist(), strict=True)):
        given = table.classes[label] if label >= 0 else ""
        one = said.get(path)
        new = one["new"] if one and one["verdict"] == "relabelled" else given
        if new:
            file = table.root / path
            looked = "yes" if one and one["verdict"] in ("relabelled", "confirmed") else ""
            known = ["" if values[row] is None else values[row] for values in columns.values()]
            known += [json.dumps(boxes[row], ensure_ascii=False)] if boxes is not None else []
            writer.writerow((str(file.resolve()) if file.exists() else path, new, given, looked, *known))
    folder = case.folder / "repair"
    try:
        folder.mkdir(exist_ok=True)
        target = folder / ("labels.csv" if split == "data" else f"labels-{split}.csv")
        raw = text.getvalue().encode("utf-8", "surrogateescape")
        write_atomically(target, lambda fresh: fresh.write_bytes(raw))
    except OSError as error:
        raise UserError(f"{folder} can't be written ({error.strerror}).", "Free some disk space.") from None
    return target
