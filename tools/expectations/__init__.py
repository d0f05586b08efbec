"""What a model must do: how it is named, what it speaks of, and whether it holds with its bound."""
