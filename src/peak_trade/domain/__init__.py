"""Frozen types, protocols and errors; no input or output."""
