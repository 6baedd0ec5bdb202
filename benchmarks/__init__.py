"""The jobs W1 to W5, timed, with peers beside them: ``python -m benchmarks --only W1,W2 --json``."""
