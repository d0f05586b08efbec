"""What injected faults came to: one count a kind of fault, and every one that was not survived, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from failsight.tools.errors import RetryError, UserError

FINE = (UserError, RetryError)


@dataclass
class Injected:
    """Faults of one kind."""

    kind: str
    what: str  # what "survived" means here, for the table
    tried: int = 0
    bad: list[str] = field(default_factory=list)

    @property
    def survived(self) -> int:
        return self.tried - len(self.bad)

    def one(self, name: str, call: Callable[[], str | None]) -> None:
        """Inject one fault: ``call`` returns what was lost, None when nothing was; any exception but a sentence for people is bad."""
        self.tried += 1
        try:
            lost = call()
        except FINE:
            lost = None
        except Exception as error:
            lost = f"{type(error).__name__}: {error}"
        if lost:
            self.bad.append(f"{name}: {lost[:300]}")
