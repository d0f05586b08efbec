"""Wrong labels: who gives them, which are exchanged, and a second opinion on them."""
