"""The HTTP base of both vendors' clients."""
