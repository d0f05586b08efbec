"""Two pictures or one: what a shared frame makes of the comparison."""

from __future__ import annotations

import numpy as np
from PIL import Image

from failsight.tools.attributes.alike import compare, without_border


def test_a_frame_that_two_pictures_share_does_not_make_them_one() -> None:
    rng = np.random.default_rng(0)

    def framed(inside: np.ndarray) -> Image.Image:
        whole = np.full((60, 60, 3), 250, np.uint8)
        whole[10:50, 10:50] = inside
        return Image.fromarray(whole)

    one, other = (rng.integers(60, 180, (40, 40, 3)).astype(np.uint8) for _ in range(2))
    bare = without_border(framed(one))
    assert bare.size == (40, 40) and (np.asarray(bare) == one).all()
    large = [np.asarray(without_border(framed(x)).resize((128, 128), 2)) for x in (one, other)]
    assert not compare(*large).one_picture and compare(large[0], large[0]).one_picture
    plain = Image.fromarray(np.full((40, 40, 3), 200, np.uint8))
    assert without_border(plain) is plain  # nothing but one colour: nothing is taken away
