"""What people say of single errors."""
