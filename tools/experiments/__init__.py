"""Experiments on the user's own images: which images, which region, what goes in its place, against which control."""
