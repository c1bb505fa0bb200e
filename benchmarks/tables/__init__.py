"""The terminal: tables, what to know of their rows, and a run's progress."""
