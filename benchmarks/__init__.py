"""Floor 4: measure, judge, compare."""
