"""`edgestill compare`: every way of teaching beside the student from scratch, and what becomes of them as INT8."""
