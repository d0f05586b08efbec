"""The tool registry: built-in and outside tools come through the same door (entry points ``failsight.tools``).

A tool is a plain function ``(view: CaseView, *, typed arguments) -> Evidence``. Its signature and docstring are the
schema a planner sees: every argument is ``Annotated[type, pydantic.Field(description=…, ge=…, …)]`` with a default
or required, and the first paragraph of the docstring says what the tool measures.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Any, Literal, get_type_hints

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Kind
from failsight.tools.view import CaseView

Cost = Literal["instant", "pass", "heavy"]
Need = Literal["model", "weights", "train", "deploy", "pool", "boxes", "history", "scores"]
Outside = Callable[[Mapping[str, Any]], str]
GROUP = "failsight.tools"


@dataclass(frozen=True)
class ToolSpec:
    """A tool and what is declared about it.

    Attributes:
        cost: ``instant`` (tables only), ``pass`` (one cached pass of the model), ``heavy`` (many passes).
        needs: what the case must have; a case that lacks it is told what the tool would have shown.
        writes: True for tools that make something new (generate, retrain, apply): they wait for a person's yes.
        answers: ids of the question bank that it can answer.
        stateful: True when the answer depends on what the case already holds (findings, expectations), so that an
            identical call later is a new measurement and not answered from the journal.
        heeds: kinds of findings whose verdicts the answer depends on: only where one of these changed is an identical
            call a new measurement.
        reads_attributes: True when it looks at attributes, so that a call after they were changed is a new measurement.
        edits: True when it changes the case itself: made again after it was taken back it is a new edit.
        outside: of its checked arguments, a fingerprint of what they name outside the case (another model's file); empty
            for nothing. A call after that changed is a new measurement.
        personal: arguments that only a person may fill (judgements of people): not offered to planners, refused from them.
        reads_groups: True when it heeds what the case says of images that belong together, beside an argument ``group_by``.
        decides: kinds of findings that it can raise, confirm or refute; the planner weighs them against its cost.
        passes: about how many passes of the model over its images a call with default arguments costs; 0 where tables
            suffice. The shared pass that makes the predictions counts only while it has not been made.
        sample: how many images such a pass takes with default arguments; 0 for all evaluation images.
        usual: how many images a call without a limit takes of this case, where that depends on its model; it is what people are told.
        fits: how many linear heads are fitted to the labels with default arguments: time that grows with images and classes.
    """

    name: str
    function: Callable[..., Evidence]
    cost: Cost = "instant"
    needs: tuple[Need, ...] = ()
    writes: bool = False
    answers: tuple[str, ...] = ()
    stateful: bool = False
    heeds: tuple[Kind, ...] = ()
    decides: tuple[Kind, ...] = ()
    passes: float = 0.0
    sample: int = 0
    reads_attributes: bool = False
    edits: bool = False
    outside: Outside | None = None
    personal: tuple[str, ...] = ()
    reads_groups: bool = False
    fits: int = 0
    usual: Callable[[CaseView], int] | None = None

    @property
    def offered(self) -> dict[str, Any]:
        """JSON schema of the arguments that a planner or another program may fill."""
        made: dict[str, Any] = self.arguments.model_json_schema()
        for name in self.personal:
            made.get("properties", {}).pop(name, None)
        return made

    @property
    def description(self) -> str:
        """The docstring's first paragraph."""
        return (inspect.getdoc(self.function) or "").split("\n\n")[0].replace("\n", " ")

    @cached_property
    def arguments(self) -> Any:
        """pydantic model of the arguments."""
        from pydantic import ConfigDict, create_model

        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {}
        for i, (name, parameter) in enumerate(inspect.signature(self.function).parameters.items()):
            if i == 0:  # the case view
                continue
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[name] = (hints[name], default)
        return create_model(
            f"{self.name}_arguments",
            __config__=ConfigDict(extra="forbid"),
            __doc__=self.description,
            **fields,
        )

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Validated arguments, also from what programs give (numpy's numbers, paths, a text for a list).

        Raises:
            RetryError: one is wrong; the sentence names it and says what it has to be.
        """
        from pydantic import ValidationError

        from failsight.tools.given_arguments import plain, refused, spread

        fields = self.arguments.model_fields
        given = {
            n: plain(n, v, fields[n].annotation) if n in fields else v
            for n, v in spread(arguments, fields).items()
        }
        try:
            made = self.arguments(**given)
        except ValidationError as error:
            wrong = error.errors()  # a name that there is not says more than the one that is missing for it
            first = next((e for e in wrong if e["type"] == "extra_forbidden"), wrong[0])
            raise refused(self.name, first, fields) from None
        return {name: getattr(made, name) for name in fields}


def tool(
    *,
    cost: Cost = "instant",
    needs: tuple[Need, ...] = (),
    writes: bool = False,
    answers: tuple[str, ...] = (),
    stateful: bool = False,
    heeds: tuple[Kind, ...] = (),
    decides: tuple[Kind, ...] = (),
    passes: float = 0.0,
    sample: int = 0,
    fits: int = 0,
    reads_attributes: bool = False,
    edits: bool = False,
    outside: Outside | None = None,
    personal: tuple[str, ...] = (),
    reads_groups: bool = False,
    usual: Callable[[CaseView], int] | None = None,
) -> Callable[[Callable[..., Evidence]], Callable[..., Evidence]]:
    """Declare a function to be a tool. The function itself stays a plain function."""

    def declare(function: Callable[..., Evidence]) -> Callable[..., Evidence]:
        spec = ToolSpec(
            function.__name__,
            function,
            cost,
            needs,
            writes,
            answers,
            stateful,
            heeds,
            decides,
            passes,
            sample,
            reads_attributes,
            edits,
            outside,
            personal,
            reads_groups,
            fits,
            usual,
        )
        function.__failsight_tool__ = spec  # type: ignore[attr-defined]
        return function

    return declare


class Registry(Mapping[str, ToolSpec]):
    """Tools by name, in order of registration. A duplicate name is an error."""

    def __init__(self) -> None:
        self._specs: dict[str, ToolSpec] = {}

    def add(self, function: Callable[..., Evidence]) -> None:
        """Register a function declared with :func:`tool`."""
        spec = getattr(function, "__failsight_tool__", None)
        if not isinstance(spec, ToolSpec):
            raise TypeError(f"{function!r} is not declared with @tool")
        if spec.name in self._specs:
            raise ValueError(f"two tools are called {spec.name!r}")
        self._specs[spec.name] = spec

    def __getitem__(self, name: str) -> ToolSpec:
        try:
            return self._specs[name]
        except KeyError:
            near = get_close_matches(name, self._specs, n=5, cutoff=0.4)
            raise RetryError(f"There is no tool {name!r}.", dict.fromkeys((*near, *self._specs))) from None

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Any:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


@cache
def registry() -> Registry:
    """All installed tools: built-in and outside ones, through the entry-point group ``failsight.tools``."""
    from importlib.metadata import entry_points

    made = Registry()
    points = sorted(entry_points(group=GROUP), key=lambda p: (not p.value.startswith("failsight."), p.name))
    for point in points:
        made.add(point.load())
    return made
