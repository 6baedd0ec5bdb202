"""A server on loopback that speaks Kraken's spot REST and WebSocket interfaces."""
