"""Venues and failures, made here: a faulty exchange, its client, and the judge of what came of it."""
