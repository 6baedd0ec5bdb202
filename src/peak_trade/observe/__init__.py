"""Readers of records: reports and plots."""
