"""Which images without labels to label on a budget."""
