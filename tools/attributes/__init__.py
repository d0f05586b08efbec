"""Attributes of images: computed ones, metadata, boxed objects; and pictures that occur more than once."""
