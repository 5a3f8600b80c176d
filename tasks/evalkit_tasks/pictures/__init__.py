"""Generated pictures whose order is known, and the probe that asks whether image vectors keep it."""
