"""Middleware around a language model that plans: what it says is checked, what it costs is capped, what it breaks is mended."""

from failsight.agent.guards.budget import Budget, BudgetGuard, Spent
from failsight.agent.guards.context import ContextWindow
from failsight.agent.guards.fitting import Fitting
from failsight.agent.guards.grounded import Grounded
from failsight.agent.guards.looking import Looking
from failsight.agent.guards.reading import Reading
from failsight.agent.guards.steady import Steady

__all__ = [
    "Budget",
    "BudgetGuard",
    "ContextWindow",
    "Fitting",
    "Grounded",
    "Looking",
    "Reading",
    "Spent",
    "Steady",
]
