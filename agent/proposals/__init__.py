"""Attributes that language models propose, and pictures that they look at once a person allowed it."""
