"""Generators of pictures that come as plug-ins (entry points ``failsight.generators``): renderers, simulators.

A plug-in says of which cases it knows the world, and makes a labelled picture with given attribute values. It sees the case
as tools do, and writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Split
from failsight.tools.repair.wishes import Brief
from failsight.tools.repair.workshop import Made, Order
from failsight.tools.text import clean
from failsight.tools.view import CaseView

GROUP = "failsight.generators"


class Generator(Protocol):
    """Makes pictures of a world that it knows."""

    name: str

    def knows(self, view: CaseView, split: Split) -> bool:
        """Whether the pictures of the split are of its world. Cheap: opens no picture."""

    def make(self, view: CaseView, split: Split, order: Order) -> Made | str:
        """One picture, or why there can be none. Equal orders give equal pictures."""


def generator_for(view: CaseView, split: Split) -> Generator | None:
    """The installed generator that knows the case's world; None where none does. One that fails to load is passed over."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        made: Generator | None = None
        with suppress(Exception):  # foreign code: a broken plug-in must not stop a repair that needs none
            found: Generator = point.load()()
            made = found if found.knows(view, split) else None
        if made is not None:
            return made
    return None


def need_generator(view: CaseView, split: Split) -> Generator:
    """The same. Raises RetryError where none knows the case."""
    made = generator_for(view, split)
    if made is None:
        raise RetryError(
            "method=renderer: no installed generator knows where these pictures come from "
            f"(plug-ins of the entry-point group {GROUP}).",
            ["compose", "text_to_image", "image_to_image", "inpaint"],
        )
    return made


@dataclass
class Rendering:
    """A generator at work on a brief."""

    view: CaseView
    split: Split
    brief: Brief
    generator: Generator

    @property
    def name(self) -> str:
        """What the record calls it."""
        return f"renderer:{clean(self.generator.name, 40)}"

    def orders(self, start: int, counts: Sequence[int], seed: int) -> list[Order]:
        """The next pictures to make, from number ``start`` on."""
        made: list[Order] = []
        for k, (wish, count) in enumerate(zip(self.brief.wishes, counts, strict=True)):
            for _ in range(count):
                number = start + len(made)
                own = (seed * 1_000_003 + number) % 2**31
                made.append(Order(number, k, wish.wanted.class_name, wish.wanted.values, "make", own))
        return made

    def make(self, orders: Sequence[Order]) -> Iterator[tuple[Order, Made | str]]:
        """A picture for each order, or why there is none."""
        for order in orders:
            yield order, self.generator.make(self.view, self.split, order)
