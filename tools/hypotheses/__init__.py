"""Hypotheses that a person or a planner states: typed, with the instrument that can decide each."""
