"""The simulated Lifecare: behaves as the live gateway was seen to behave (L1 to L16), on invented data."""
