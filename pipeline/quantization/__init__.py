"""From a float graph and calibrated ranges to the integer graph."""
