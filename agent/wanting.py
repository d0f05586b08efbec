"""What people say of a case that measurements go by: what is expected of the model, and which images belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from failsight.agent.adoption import Adopting
from failsight.tools.expectations.names import usual_side
from failsight.tools.view import Expectation

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.view import CaseView


class Wanting(Adopting):
    """A case with what people want of it, kept in its journal."""

    def record(self, kind: str, **data: Any) -> Any:
        """Write an event to the journal."""
        raise NotImplementedError

    @property
    def expectations(self) -> Sequence[Expectation]:
        return tuple(self.state().expectations.values())

    def expect(self, name: str, bound: float, *, at_least: bool | None = None, by: str = "person") -> None:
        """Set a criterion: ``case.expect("recall.kitchen", 0.9)``, or the price of a confusion: ``case.expect("cost.bath>hall", 5)``.

        Rates lie in [0, 1]. Where less is better (``ece``, ``latency_ms``, ``expected_cost`` …) the bound is an upper one unless
        ``at_least`` says otherwise.

        Raises:
            UserError: there is no such criterion, class, attribute or value, or the bound is out of its range.
        """
        from failsight.agent.people.demands import as_bound
        from failsight.agent.people.expect import check

        bound = as_bound(name, bound)
        at_least = usual_side(name) if at_least is None else at_least
        check(name, bound, self.classes, cast("Case", self))
        old = self.state().expectations.get(name)
        if old != Expectation(name, bound, at_least, by):
            self.record("expectation.set", name=name, bound=bound, at_least=at_least, by=by)

    @property
    def groups(self) -> str:
        """The metadata column whose equal values belong together (patient, video); empty where nobody said so."""
        return self.state().groups or ""

    @property
    def groups_said(self) -> str | None:
        """The same; None where nobody said anything of images that belong together."""
        return self.state().groups

    def belong(self, column: str, *, by: str = "person") -> None:
        """Images with the same value of ``column`` belong together from now on; ``none``: each stands alone.

        Raises:
            RetryError: no such metadata column, or one that says nothing; the sentence says what there is.
        """
        from failsight.agent.grouping import checked_column

        name = checked_column(cast("CaseView", self), column)
        if self.state().groups != name:
            self.record("groups.set", column=name, by=by)
