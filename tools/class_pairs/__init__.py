"""Two classes side by side: how they differ, and what goes with being confused."""
