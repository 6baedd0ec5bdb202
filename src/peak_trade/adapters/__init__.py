"""The outside world: exchanges, vendors and feeds, reached by entry point alone."""
