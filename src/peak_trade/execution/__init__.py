"""The road from order to fill."""
