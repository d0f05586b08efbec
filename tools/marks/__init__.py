"""Marks that nobody named (stamps, stickers, frames): proposed from the pictures, tested by pasting and covering."""
