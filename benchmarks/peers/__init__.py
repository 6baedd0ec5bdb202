"""The same jobs on other frameworks, each run by an interpreter of its own."""
