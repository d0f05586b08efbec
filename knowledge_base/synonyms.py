"""Everyday names of the same thing, so that somebody who says TV is understood where the data say television."""

from __future__ import annotations

from typing import Final

#: short and everyday names of things, each word for the others; what the case itself calls something comes first
SAME: Final = (
    ("television", "tv", "tvs", "telly", "tv set", "television set"), ("sofa", "couch", "settee"), ("refrigerator", "fridge"), ("bicycle", "bike"), ("motorcycle", "motorbike"),
    ("airplane", "aeroplane", "plane", "aircraft"), ("car", "automobile"), ("truck", "lorry"), ("phone", "telephone", "smartphone", "mobile"), ("stove", "cooker", "hob"), ("lamp", "light fixture"),
    ("painting", "picture on the wall"), ("bath tub", "tub", "bathtub"), ("wardrobe", "closet"), ("rug", "carpet"), ("watermark", "water mark"), ("glasses", "spectacles"), ("dog", "puppy"), ("cat", "kitten", "kitty"),
)  # fmt: skip
