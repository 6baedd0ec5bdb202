"""Binance's spot venue on the loopback: REST, market streams, WebSocket API, user data."""
