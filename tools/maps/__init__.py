"""Images laid out in two dimensions."""
