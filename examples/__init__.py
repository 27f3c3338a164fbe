"""The demo's sources: an exchange, a shop, a broker to play with, and the demo itself."""
