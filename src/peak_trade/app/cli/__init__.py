"""The command line, `peak`."""
