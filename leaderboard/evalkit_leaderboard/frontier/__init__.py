"""`evalkit sweep`: a grid of transforms behind one encoder, and the frontier of score against bytes a vector."""
