"""Peak Trade."""
