"""Counting and arithmetic in a sentence: what is counted among what, and what follows on the count before."""
