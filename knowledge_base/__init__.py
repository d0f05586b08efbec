"""The library of failure handling: questions, failures, bugs, tests, corrections, and the map from a sentence to a measurement."""

from failsight.knowledge_base.ask import ask
from failsight.knowledge_base.routing import Route, route
from failsight.knowledge_base.search import Hit, KnowledgeBase, load
from failsight.knowledge_base.vocabulary import Vocabulary

__all__ = ["Hit", "KnowledgeBase", "Route", "Vocabulary", "ask", "load", "route"]
