"""Repairs: model versions, how they are made, and how they are judged."""
