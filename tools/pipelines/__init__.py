"""Ways to feed a model: plausible ones, what each does to the answers, and which is really better."""
