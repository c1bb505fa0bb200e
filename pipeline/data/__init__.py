"""What comes in: data sets with their licence, splits, task and preprocess."""
