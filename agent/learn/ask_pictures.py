"""The wizard's questions about pictures: those to test on, those of the training, those from real use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from failsight.agent.learn.chosen import SKIP, Chosen, new_here, read_path
from failsight.agent.learn.detect import DataSeen, look_at_data
from failsight.agent.learn.dialogue import Dialogue, Say, line, yes_no
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.view import Progress


def ask_data(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if chosen.predictions and not chosen.unlabelled:
        yield from _pictures_of_table(chosen)
        return
    text = "Where are the pictures to test it on, with their right answers?"
    if chosen.unlabelled:
        text = "The table holds answers and no labels. Where are the pictures, with their right answers?"
    if new_here(chosen):
        text += " A folder with one folder a class, or a table (.csv) with the columns path and label. Best are pictures that the model was not trained on."
    seen = yield from _pictures(chosen, text, "data", True, False)
    if seen is None:
        return
    chosen.data, chosen.labels, chosen.picture = str(seen.path.resolve()), dict(seen.labels), seen.picture
    if chosen.predictions:
        return
    if "train" in [s.lower() for s in seen.splits] and seen.used.lower() != "train":
        chosen.train = chosen.data
        yield Say("The training pictures are in there too; they are used as such.", "muted")
    if seen.used.lower() in ("train", "training") or seen.path.name.lower() in ("train", "training"):
        yield Say(
            "These look like the training pictures. On them the model will seem better than it is; use others if you can.",
            "warning",
        )


def _pictures_of_table(chosen: Chosen) -> Dialogue[None]:
    table = Path(chosen.predictions)
    while True:
        found = yield from line(
            "In which folder are the pictures that the table names? (Enter: next to the table; none: not at hand)",
            lambda t: t if t.strip() in SKIP or (read_path(t) and Path(str(read_path(t))).is_dir()) else None,
            "There is no such folder.", default="", back=True, path=True,
        )  # fmt: skip
        folder = Path(str(read_path(found))) if found.strip() not in SKIP else None
        chosen.data = str(folder.resolve()) if folder else ""
        there, tried, first = named_there(table, folder or table.parent)
        if there:
            yield Say(
                f"{'All' if there == tried else there} of {tried} names that were tried are there.", "good"
            )
            return
        if found.strip():
            yield Say(
                f"None of {tried} names that were tried is there, such as {clean(first, 120)}.", "warning"
            )
        if folder is None:
            yield Say(
                "No picture is at hand: everything that needs the answers alone will be measured.", "muted"
            )
            return


def named_there(table: Path, folder: Path, most: int = 100) -> tuple[int, int, str]:
    """(how many of some paths in ``table`` are files below ``folder``, how many were tried, where the first should be)."""
    from failsight.tools.inputs.columns import read_columns
    from failsight.tools.inputs.manifest import locate
    from failsight.tools.inputs.names import usual_names

    columns = usual_names(read_columns(table)[0], "", [], "path")
    names = [str(n).strip() for n in columns["path"] if n is not None and str(n).strip()]
    tried = names[:: max(1, len(names) // most)][:most]
    places = [locate(folder, name) for name in tried]
    return sum(Path(p).is_file() for p in places), len(tried), places[0] if places else str(folder)


def _pictures(
    chosen: Chosen, text: str, split: str, labelled: bool | None, optional: bool
) -> Dialogue[DataSeen | None]:
    """Ask for pictures until some are understood; None where they were skipped."""
    while True:
        typed = yield from line(
            text,
            lambda t: t if t.strip() or optional else None,
            "Type a path, for example ~/pictures/test.",
            default="" if optional else None,
            hints=[
                "rooms/kitchen/1.jpg, rooms/bathroom/2.jpg …: then give rooms.",
                "A table needs the columns path (of each picture, from where the table lies) and label.",
            ],
            back=True,
            path=True,
        )
        path = read_path(typed)
        if path is None or typed.strip() in SKIP:
            return None
        seen = look_at_data(path, split, labelled=labelled)
        if seen.problem:
            yield Say(seen.problem, "warning")
            continue
        yield Say(_told(seen), "good")
        for note in seen.notes[:3]:
            yield Say(clean(note, 300), "muted")
        return seen


def _told(seen: DataSeen) -> str:
    used = f", of which {clean(seen.used)} is used" if seen.used else ""
    counts = sorted(seen.labels.items(), key=lambda pair: -pair[1])
    classes = ""
    if counts:
        few = (
            f", fewest of {clean(counts[-1][0], 40)} ({counts[-1][1]:,})"
            if counts[-1][1] < counts[0][1] / 2
            else ""
        )
        classes = f" in {len(counts)} classes ({listing([clean(n, 40) for n, _ in sorted(counts)], 8)}){few}"
    return f"{clean(seen.path.name)}: {seen.format}{used}, {seen.n:,} pictures{classes}."


def ask_others(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if chosen.predictions:
        return
    if not chosen.train:
        text = "Where are the training pictures? (Enter: I have none here)"
        if new_here(chosen):
            text += " With them it can be told whether a group is rare in training, and whether the test is a real test."
        seen = yield from _pictures(chosen, text, "train", True, True)
        chosen.train = str(seen.path.resolve()) if seen is not None else ""
    text = "Where are pictures from where it will be used? (Enter: none)"
    if new_here(chosen):
        text += " Even a few help, with or without labels: a test cut from the training source can't show what happens there."
    seen = yield from _pictures(chosen, text, "deploy", None, True)
    chosen.deploy = str(seen.path.resolve()) if seen is not None else ""
    if chosen.history:
        use = yield from yes_no(
            f"There is a training record ({clean(Path(chosen.history).name)}). Use it?",
            default=True,
            back=True,
        )
        chosen.history = chosen.history if use else ""
