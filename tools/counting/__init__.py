"""How many images meet conditions, and how many of these meet others."""
