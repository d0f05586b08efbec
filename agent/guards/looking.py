"""A language model that sees may look at the pictures of an evidence: a person is asked first, the journal says what went where.

Pictures leave the machine small (at most 512 pixels, JPEG) and bare: no metadata, no file names, so no sheet of images
that bears their names either. They ride behind the tool reply that announces them, in its turn and the next one, and only
while it is among the newest: an old picture costs tokens at every turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.config import get_stream_writer

from failsight import prompts
from failsight.agent.events import Notice, ToolFailed, ToolStarted
from failsight.agent.guards.turns import INTERNAL, asks
from failsight.agent.planner_text import image_line
from failsight.agent.proposals.consent import LOOK, images_allowed, server
from failsight.agent.proposals.pictures import EDGE, bare, inline, words
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import BadImage
from failsight.tools.text import clean

if TYPE_CHECKING:
    import PIL.Image

    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence
    from failsight.tools.inputs.base import ImageTable

SHOWN = "images.shown"
MOST_IMAGES, MOST_FIGURES = 8, 2  # of one evidence
KEPT = 2  # newest looks that are sent along
SEEN = 256  # pixels that the longer side of an image has at least, so that something is seen on it
#: tools whose figures bear words of their own and no names of files; what another tool drew is not sent
DRAWN = frozenset({
    "compare_models", "counterfactual_pair", "cue_profile", "explain_failures", "feature_attack", "find_marks",
    "preprocessing_probe", "robustness_probe", "saliency", "test_by_adding", "test_by_masking", "test_by_swapping", "what_if",
})  # fmt: skip
_FILE = re.compile(r"[^\s\"“”'()]+\.(?:jpe?g|png|bmp|gif|tiff?|webp)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of an evidence: what is said of it, and how to open it."""

    words: str
    open: Callable[[], PIL.Image.Image]


class Looking(AgentMiddleware[Any, Any, Any]):
    """Offers ``look_at`` to a model that sees, and puts the pictures behind its replies.

    Args:
        model: its name, for the journal.
    """

    def __init__(self, case: Case, model: str) -> None:
        super().__init__()
        self.case, self.model = case, model
        self.blind = False  # the server takes no pictures
        self._ready: dict[tuple[str, int, int], list[dict[str, Any]]] = {}
        self.tools = [
            StructuredTool.from_function(
                self.look_at,
                name=LOOK,
                description=prompts.say("look.tool"),
                response_format="content_and_artifact",
            )
        ]

    def waits(self, request: Any) -> bool:
        """Whether a call must wait for a person: until this server may be sent pictures, if there are any to send."""
        if images_allowed(self.case):
            return False
        try:
            return bool(self._pictures(str(request.tool_call["args"].get("evidence", ""))))
        except RetryError:
            return False  # it will be refused anyway

    def asking(self) -> dict[str, Any]:
        """How the approval middleware is to ask a person, before the first picture leaves."""
        question = prompts.say("look.ask", server=server(), model=self.model, edge=EDGE)
        return {"allowed_decisions": ["approve", "reject"], "when": self.waits, "description": question}

    def look_at(self, evidence: str, first: int = 1) -> tuple[str, dict[str, Any] | None]:
        """Look at the pictures of an evidence, eight at a time, from number ``first`` on."""
        write = get_stream_writer()
        arguments = {"evidence": evidence, "first": first}
        write(ToolStarted(LOOK, arguments, ""))
        try:
            found = self._pictures(evidence)
            if not 1 <= first <= len(found):
                raise RetryError(f"{clean(evidence, 20)} has pictures 1 to {len(found)}.")
            if self.blind or not images_allowed(self.case):
                raise RetryError(prompts.say("look.blind" if self.blind else "look.refused"))
        except RetryError as error:
            write(ToolFailed(LOOK, str(error)))
            return f"FAILED: {error}", None
        shown = found[first - 1 : first - 1 + MOST_IMAGES + MOST_FIGURES]
        self.case.record(
            SHOWN, evidence=evidence, first=first, count=len(shown), server=server(), model=self.model
        )
        write(Notice(prompts.say("look.shown", count=len(shown), evidence=evidence, server=server())))
        lines = [f"{first + i}: {one.words}" for i, one in enumerate(shown)]
        more = [f"{len(found) - first + 1 - len(shown)} more: first={first + len(shown)}"] * (
            first - 1 + len(shown) < len(found)
        )
        return prompts.fenced([f"Pictures of {evidence}:", *lines, *more]), {**arguments, "count": len(shown)}

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Send the newest looks along; a server that takes no pictures is asked again without."""
        from failsight.agent.planners.guided import GuidedPlanner

        if self.blind or isinstance(request.model, GuidedPlanner) or not images_allowed(self.case):
            return handler(request)
        messages = self.with_pictures(request.messages)
        if len(messages) == len(request.messages):
            return handler(request)
        import openai

        try:
            return handler(request.override(messages=messages))
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            response = handler(request)  # if it fails without pictures too, they were not the reason
        self.blind = True
        get_stream_writer()(Notice(prompts.say("look.blind"), "warning"))
        return response

    def with_pictures(self, messages: Sequence[AnyMessage]) -> list[AnyMessage]:
        """The messages, pictures put behind the last reply of each turn of calls that announced some."""
        asked = [i for i, m in enumerate(messages) if asks(m)]
        since = messages[asked[-2] if len(asked) > 1 else 0 :]
        looks = [m for m in since if isinstance(m, ToolMessage) and m.name == LOOK and m.artifact][-KEPT:]
        made: list[AnyMessage] = []
        waiting: list[dict[str, Any]] = []
        for i, message in enumerate(messages):
            made.append(message)
            if message in looks:
                waiting += self._content(message.artifact)
            if waiting and not (i + 1 < len(messages) and isinstance(messages[i + 1], ToolMessage)):
                made.append(HumanMessage(waiting, additional_kwargs={INTERNAL: True}))  # type: ignore[arg-type]
                waiting = []
        return made

    def _content(self, look: dict[str, Any]) -> list[dict[str, Any]]:
        """Numbered pictures as content of a message."""
        name, first, count = str(look["evidence"]), int(look["first"]), int(look["count"])
        key = (name, first, count)
        if key not in self._ready:
            made = [words(prompts.say("look.data", evidence=name))]
            for number, one in enumerate(self._pictures(name)[first - 1 : first - 1 + count], first):
                try:
                    picture = inline(bare(one.open()))
                except (BadImage, OSError, ValueError):
                    made.append(words(f"{number}: it can't be read."))
                    continue
                made += [words(f"{number}:"), picture]
            self._ready[key] = made
        return self._ready[key]

    def _pictures(self, name: str) -> list[Picture]:
        """Every picture of an evidence: its figures first, then its images.

        Raises:
            RetryError: no such evidence, or it has no pictures.
        """
        every = self.case.state().evidence
        found = next((e for e in every if e.id == name.strip().strip("[]")), None)
        if found is None:
            shown = ", ".join(e.id for e in every if self._of(e)) or "none yet"
            raise RetryError(f"There is no {clean(name, 20)}. With pictures: {shown}.")
        made = self._of(found)
        if not made:
            raise RetryError(f"{found.id} has no pictures.")
        return made

    def _of(self, evidence: Evidence) -> list[Picture]:
        return [*self._figures(evidence), *self._images(evidence)]

    def _figures(self, evidence: Evidence) -> Iterator[Picture]:
        """Overlays; charts are left out, their numbers stand in the text, and so are sheets, whose images follow."""
        for figure in evidence.figures[:MOST_FIGURES] if evidence.tool in DRAWN else ():
            path = (self.case.folder / figure.path).resolve()
            inside = path.is_relative_to(self.case.folder.resolve())
            if inside and path.suffix.lower() in (".png", ".jpg", ".jpeg"):
                described = f"figure: {clean(figure.title, 100)}. {clean(figure.alt, 300)}"
                yield Picture(_FILE.sub("…", described), partial(_opened, path))

    def _images(self, evidence: Evidence) -> Iterator[Picture]:
        for number, one in enumerate(evidence.images, 1):
            table = self.case.table(one.split)  # type: ignore[arg-type]
            told = image_line(evidence, number, table.columns)
            yield Picture(_FILE.sub("…", told), partial(_seen, table, one.row))


def _seen(table: ImageTable, row: int) -> PIL.Image.Image:
    """The image, a tiny one enlarged."""
    from PIL import Image

    picture = table.open(row)
    times = -(-SEEN // max(1, *picture.size))
    if times < 2:
        return picture
    width, height = picture.size
    return picture.convert("RGB").resize((width * times, height * times), Image.Resampling.BICUBIC)


def _opened(path: Path) -> PIL.Image.Image:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()
        return picture.copy()
