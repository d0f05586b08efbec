"""Drawing pictures to files, alone or with a helper process that draws every other one.

The helper is ``python -m failsight.knowledge_base.cases.drawing``: it reads its task as JSON on stdin and answers with
one line a picture. (A process pool would import the caller's main module again, which a plain script does not stand.)
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from failsight.knowledge_base.cases.files import write_file
from failsight.knowledge_base.cases.geometry import Box
from failsight.knowledge_base.cases.layout import compose
from failsight.knowledge_base.cases.render import Picture, encode, render
from failsight.knowledge_base.cases.world import Draft, WorldConfig, plan

Boxes = Mapping[str, tuple[Box, ...]]


@dataclass(frozen=True, slots=True)
class Share:
    """Pictures to draw: a split, how many it has, and the folder for its image files."""

    split: str
    count: int
    folder: str


def picture_of(config: WorldConfig, draft: Draft) -> Picture:
    """The rendered picture of a draft: the same on every call."""
    return render(compose(draft.truth, draft.attributes, draft.seed), config.size)


def drawn(
    config: WorldConfig, share: Share, first: int, step: int, skip: Collection[str] = ()
) -> Iterator[tuple[str, Boxes]]:
    """Draw every ``step``-th picture of a share from the ``first`` on; file name and boxes of each."""
    folder = Path(share.folder)
    for draft in plan(config, share.split, share.count)[first::step]:
        if draft.name in skip:
            continue
        picture = picture_of(config, draft)
        if not (folder / draft.name).exists():
            write_file(folder / draft.name, encode(picture))
        yield draft.name, picture.boxes


class Drawn:
    """What the helper has drawn so far, split by split."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: dict[str, list[tuple[str, Boxes]]] = {}
        self._ended: set[str] = set()
        self._news = threading.Condition()
        self._over = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        stream = self._process.stdout
        try:
            for line in stream or ():
                split, name, boxes = json.loads(line)
                with self._news:
                    if name is None:
                        self._ended.add(split)
                    else:
                        found = {kind: tuple(tuple(box) for box in many) for kind, many in boxes.items()}
                        self._lines.setdefault(split, []).append((name, found))
                    self._news.notify()
        except ValueError:  # a torn line: the helper died, the caller draws what is missing
            pass
        with self._news:
            self._over = True
            self._news.notify()

    def rest(self, split: str) -> Iterator[tuple[str, Boxes]]:
        """The helper's pictures of a split, as they come; ends early if the helper fails."""
        given = 0
        while True:
            ready, last = self._wait(split, given)
            yield from ready
            given += len(ready)
            if last:
                return

    def _wait(self, split: str, given: int) -> tuple[list[tuple[str, Boxes]], bool]:
        """What came after the first ``given`` pictures of a split, and whether that is all there will be."""
        with self._news:
            self._news.wait_for(
                lambda: self._over or split in self._ended or len(self._lines.get(split, ())) > given
            )
            return self._lines.get(split, [])[given:], self._over or split in self._ended


@contextmanager
def helper(config: WorldConfig, shares: list[Share]) -> Iterator[Drawn | None]:
    """A process that draws every second picture of the shares; None when there is nothing to share out."""
    if not shares:
        yield None
        return
    task = {"world": asdict(config), "shares": [asdict(share) for share in shares]}
    process = subprocess.Popen(
        [sys.executable, "-m", "failsight.knowledge_base.cases.drawing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        if process.stdin is not None:
            try:
                process.stdin.write(json.dumps(task))
                process.stdin.close()
            except BrokenPipeError:  # it could not start: this process draws everything
                pass
        yield Drawn(process)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Draw the second half of each share named on stdin."""
    task = json.load(sys.stdin)
    config = WorldConfig.from_dict(task["world"])
    for fields in task["shares"]:
        share = Share(**fields)
        for name, boxes in drawn(config, share, 1, 2):
            print(json.dumps([share.split, name, boxes]), flush=True)
        print(json.dumps([share.split, None, {}]), flush=True)


if __name__ == "__main__":
    main()
