"""Decisions, summaries, the record and misconceptions: answers made from what stands in the journal."""
