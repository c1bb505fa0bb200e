"""Floor 1, numpy only: which values a model meets: calibration sets, observers, ranges."""
