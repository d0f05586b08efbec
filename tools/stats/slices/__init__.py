"""Weak slices: images that share attribute values and fail more often, found on one half, tested on the other.

The rules, all measured in `benchmarks/null_power.py`:

* every conjunction of up to three conditions with enough support is counted exactly (`count`);
* the discovery half ranks them and picks a short list in which each explains something of its own (`discover`); what people
  recorded competes apart from what is computed, as it would drown among the thousands of combinations of that;
* the confirmation half tests each pick against the rest of the table within true classes, against the rest of
  each parent, and once the other confirmed slices are accounted for; Benjamini–Hochberg runs over everything
  that was carried over, weighted by how few others of its family stand out as far by chance (`confirm`);
* where rows come in groups (frames of one video), a group stays in one half, and no test is surer than it would be were
  only the groups independent (`clusters`).
"""

from failsight.tools.stats.slices.cache import CountCache, content_digest
from failsight.tools.stats.slices.clusters import (
    FEWEST,
    compare_clusters,
    effective_rows,
    rate_interval,
    wider,
)
from failsight.tools.stats.slices.count import Counts, count_conjunctions
from failsight.tools.stats.slices.find import discovery_half, find_slices, split_halves
from failsight.tools.stats.slices.model import (
    Conjunction,
    Measured,
    Relative,
    SearchSettings,
    SliceReport,
    TestedSlice,
)
from failsight.tools.stats.slices.score import sliceline_score, top

__all__ = [
    "FEWEST",
    "Conjunction",
    "CountCache",
    "Counts",
    "Measured",
    "Relative",
    "SearchSettings",
    "SliceReport",
    "TestedSlice",
    "compare_clusters",
    "content_digest",
    "count_conjunctions",
    "discovery_half",
    "effective_rows",
    "find_slices",
    "rate_interval",
    "sliceline_score",
    "split_halves",
    "top",
    "wider",
]
