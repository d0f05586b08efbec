"""Does a room classifier that others trained use the stove of a kitchen, the tub of a bathroom? Asked on photographs.

    python -m benchmarks.hypotheses.rooms --data ../shared/data --out FOLDER

The photographs (Places365, not shipped) and the model (RoomNet, a TorchScript file) lie in the data folder; the boxes in
``room_boxes.csv`` were drawn by hand around every stove or hob, and every tub, of those evaluation photographs that show
one plainly (24 kitchens, 23 bathrooms; in fractions of width and height). Photographs of which the object fills more than
half leave no room for a control and were not boxed. Masking asks whether the model needs the object, adding (cut from these
photographs, pasted into bedrooms, living rooms and the other room) whether it is enough.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

BOXES = Path(__file__).with_name("room_boxes.csv")
NAMES = {"kitchen": "Kitchen", "bathroom": "Bathroom", "bedroom": "Bedroom", "living_room": "LivingRoom"}
OTHERS = 15  # photographs of each room without boxes, for adding
QUESTIONS = (("stove", "Kitchen"), ("tub", "Bathroom"))


def boxes() -> dict[str, tuple[str, tuple[float, ...]]]:
    """Photograph (``kitchen/NAME.jpg``) → object and box."""
    with BOXES.open(newline="", encoding="utf-8") as lines:
        return {
            row["path"]: (row["object"], tuple(float(row[k]) for k in ("x0", "y0", "x1", "y1")))
            for row in csv.DictReader(lines)
        }


def manifest(photographs: Path, out: Path) -> Path:
    """Write the manifest: every boxed photograph, and the first others of two rooms."""
    drawn = boxes()
    rows = [(path, name, json.dumps({name: [box]})) for path, (name, box) in drawn.items()]
    for room in ("bedroom", "living_room"):
        names = sorted(p.name for p in (photographs / room).glob("*.jpg"))[:OTHERS]
        rows += [(f"{room}/{name}", "", "{}") for name in names]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "boxes"])
        for path, _, told in rows:
            writer.writerow([str((photographs / path).resolve()), NAMES[path.split("/")[0]], told])
    return out / "manifest.csv"


def ask(data: Path, out: Path) -> Iterator[str]:
    """Run the tests in one case; what each says."""
    from failsight.agent import open_case

    case = open_case(
        model=str(data / "models" / "roomnet.pt"),
        data=str(manifest(data / "rooms6" / "eval", out)),
        out=out / "case",
        seed=1,
    )
    for cue, room in QUESTIONS:
        for tool, arguments in _calls(cue, room):
            start = time.process_time()
            made = getattr(case, tool)(**arguments)
            seconds = time.process_time() - start
            notes = " ".join(made.notes)
            yield f"{cue}, {arguments.get('where', 'other rooms')}: {made.summary}\n  {notes}\n  ({seconds:.0f} s of processor time)"


def _calls(cue: str, room: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Masking in all photographs of the room and in those that the model gets right, adding to other rooms."""
    masked: dict[str, Any] = {"region": f"box:{cue}", "class_name": room}
    yield "test_by_masking", {**masked, "where": f"true={room}", "draws": 4}
    yield "test_by_adding", {"cue": f"box:{cue}", "class_name": room, "draws": 2, "doses": ()}
    right = f"true={room} & predicted={room}"
    yield "test_by_masking", {**masked, "where": right, "draws": 8, "second_fill": "inpaint"}


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, and print the answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hypotheses.rooms", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with rooms6/ and models/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the case")
    given = parser.parse_args(argv)
    import torch

    torch.set_num_threads(1)
    for line in ask(given.data, given.out):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
