"""Confident errors: groups of them, how many to expect, and what to label next."""
