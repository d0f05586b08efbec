"""Small, legible figures: SVG charts and PNG contact sheets; safe for colour-blind readers, each with words for those who can't see it."""
