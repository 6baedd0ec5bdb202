"""The loop that every mode shares, and its proven substitute."""
