"""Floor 3: where a file runs."""
