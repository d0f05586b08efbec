"""The error rates that the design promises (DESIGN, "Statistics"), measured again by simulation with the product's own functions."""
