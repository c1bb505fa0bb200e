"""Floor 2: from a teacher to files."""
