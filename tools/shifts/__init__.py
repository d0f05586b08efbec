"""In what the images of two splits differ, and what that does to accuracy."""
