"""Where pictures made for a repair are kept: ``CASE/repair/NAME`` with ``images/``, a record of each, and a manifest.

Every picture is written whole and then recorded, so that an interrupted run goes on where it was: what is recorded is not
made again. The manifest (``path,label,split,<attributes>,boxes,prompt,seed,source,origin,repair_of``) lists those that were
kept, and is in the project's own format: ``retrain`` takes it as additional training data.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import RetryError
from failsight.tools.evidence import canonical, digest
from failsight.tools.inputs.base import Box

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.view import CaseView

PLAN, RECORD, MANIFEST, IMAGES = "plan.json", "made.jsonl", "manifest.csv", "images"
OWN_COLUMNS = ("prompt", "seed", "source", "origin", "repair_of")
RESERVED = ("path", "label", "split", "boxes", *OWN_COLUMNS)


@dataclass(frozen=True)
class Order:
    """One picture to make. The same order always gives the same picture.

    Attributes:
        number: from 0, unique in its folder.
        wish: position of the wish that it serves.
        class_name: label of the picture.
        values: attribute → value that it must have.
        change: ``add``, ``remove`` or ``make``.
        seed: of everything random about it.
        prompt: what a pipeline is told; empty where no words are needed.
        row: row of the picture that it is made from; −1 for none.
        donor: row of the picture that the cue is cut from; −1 for none.
    """

    number: int
    wish: int
    class_name: str
    values: Mapping[str, str]
    change: str
    seed: int
    prompt: str = ""
    row: int = -1
    donor: int = -1


@dataclass(frozen=True)
class Made:
    """A picture that was made.

    Attributes:
        content: the file's bytes; ``suffix`` its ending.
        values: all attribute values that are known of it.
        boxes: objects' boxes, as fractions; None where nothing is known of them.
        source: what made it.
        origin: ``generated``, ``composed`` or ``rendered``.
        repair_of: path of the picture that it was made from; empty for none.
    """

    content: bytes
    suffix: str
    values: Mapping[str, str]
    boxes: Mapping[str, Sequence[Box]] | None
    source: str
    origin: str
    repair_of: str = ""


@dataclass(frozen=True)
class Record:
    """What is written down of an order: the file of its picture, or why there is none."""

    number: int
    wish: int
    label: str
    wanted: Mapping[str, str]
    file: str
    why: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    boxes: Mapping[str, Any] | None = None
    prompt: str = ""
    seed: int = 0
    source: str = ""
    origin: str = ""
    repair_of: str = ""


class Workshop:
    """The folder of one set of pictures."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.records: dict[int, Record] = {r.number: r for r in self._read() if self._there(r)}

    def keep(self, order: Order, made: Made | str) -> Record:
        """Write a picture and record it, or record why there is none."""
        if isinstance(made, str):
            record = Record(order.number, order.wish, order.class_name, dict(order.values), "", made)
        else:
            file = f"{IMAGES}/{order.number:05d}{made.suffix}"
            write(self.folder / file, made.content)
            record = Record(
                number=order.number,
                wish=order.wish,
                label=order.class_name,
                wanted=dict(order.values),
                file=file,
                values=dict(made.values),
                boxes=None
                if made.boxes is None
                else {k: [list(b) for b in v] for k, v in made.boxes.items()},
                prompt=order.prompt,
                seed=order.seed,
                source=made.source,
                origin=made.origin,
                repair_of=made.repair_of,
            )
        with (self.folder / RECORD).open("ab") as lines:
            lines.write(canonical(asdict(record)).encode("utf-8", "surrogatepass") + b"\n")
            lines.flush()
            os.fsync(lines.fileno())
        self.records[order.number] = record
        return record

    def open(self, record: Record) -> Image:
        """The picture of a record, RGB."""
        from PIL import Image

        with Image.open(self.folder / record.file) as image:
            return image.convert("RGB")

    def manifest(self, kept: Iterable[Record], columns: Sequence[str]) -> Path:
        """Write the manifest of the pictures that are kept: attribute columns in the order of ``columns``, others after."""
        records = sorted(kept, key=lambda r: r.number)
        names = list(dict.fromkeys([*columns, *(k for r in records for k in r.values)]))
        names = [n for n in names if n not in RESERVED]
        boxed = any(r.boxes is not None for r in records)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["path", "label", "split", *names, *(["boxes"] if boxed else []), *OWN_COLUMNS])
        for r in records:
            boxes = [json.dumps(r.boxes or {}, separators=(",", ":"))] if boxed else []
            own = [r.prompt, r.seed, r.source, r.origin, r.repair_of]
            writer.writerow([r.file, r.label, "train", *(r.values.get(n, "") for n in names), *boxes, *own])
        path = self.folder / MANIFEST
        write(path, text.getvalue().encode("utf-8", "surrogateescape"))
        return path

    def _read(self) -> list[Record]:
        path = self.folder / RECORD
        made: list[Record] = []
        if path.is_file():
            if not path.read_bytes().endswith(b"\n"):
                with path.open("ab") as lines:
                    lines.write(b"\n")
            for line in path.read_bytes().splitlines():
                try:
                    made.append(Record(**json.loads(line)))
                except (ValueError, TypeError):  # the line that an interruption tore
                    continue
        return made

    def _there(self, record: Record) -> bool:
        return not record.file or (self.folder / record.file).is_file()


def open_workshop(view: CaseView, plan: Mapping[str, Any], name: str | None) -> Workshop:
    """The folder for this plan: the one that holds it already, else the next free ``G1``, ``G2`` …, or ``name``.

    Raises:
        RetryError: ``name`` holds pictures of another plan.
    """
    mark = digest(plan)
    first = view.workspace(name or "G1")
    taken = {p.parent.name: _mark(p) for p in sorted(first.parent.glob(f"*/{PLAN}"))}
    if name is None:
        same = [n for n, m in taken.items() if m == mark]
        k = 1
        while not same and f"G{k}" in taken:
            k += 1
        chosen = same[0] if same else f"G{k}"
    else:
        chosen = first.name
        if taken.get(chosen, mark) != mark:
            raise RetryError(f"name: {chosen} holds pictures of another plan; choose another name.")
    folder = view.workspace(chosen)
    (folder / IMAGES).mkdir(exist_ok=True)
    write(folder / PLAN, json.dumps({"plan": mark, **plan}, indent=1, default=str).encode())
    return Workshop(folder, chosen)


def _mark(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["plan"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def png(image: Image) -> bytes:
    """The bytes of a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
