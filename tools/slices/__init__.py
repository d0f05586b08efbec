"""Groups that fail: the search over conjunctions of attributes, its tests, and how what holds is told."""
