"""Gaps between groups of images."""
