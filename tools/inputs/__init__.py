"""What goes into Failsight: pictures, models, predictions made elsewhere.

    open_images(path, *, classes=None, class_map=None, split="data", labelled=None, choose=None,
                metadata=None, cache_folder=None, progress=None) -> Images                    (an ImageTable)
    open_model(path, *, arch=None, trust_code=False, side_file=None, classes=None, device="cpu") -> ScoringModel
                                                                                               (a Classifier)
    open_black_box(path, *, root=None, classes=None, class_map=None, choose=None, metadata=None,
                   cache_folder=None, progress=None) -> (Images, Predictions)

and in ``failsight.tools.engine``:

    predict(table, model, *, split="data", cache_folder=None, progress=None, batch=None, say=None) -> Predictions
    iter_pixels(table, model, rows, batch=64) -> Iterator[(rows, pixels)]

``Images`` and ``ScoringModel`` both carry ``notes`` (plain sentences for ``describe_case``) beyond the protocols;
``Images`` also ``sizes``, ``digests`` (equal: exact duplicates) and ``file(row)``. Names load when used: importing this
package imports neither torch nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failsight.tools.inputs.blackbox import open_black_box as open_black_box
    from failsight.tools.inputs.data import open_images as open_images
    from failsight.tools.inputs.models import open_model as open_model

_WHERE = {
    "open_black_box": "failsight.tools.inputs.blackbox",
    "open_images": "failsight.tools.inputs.data",
    "open_model": "failsight.tools.inputs.models",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(name)
