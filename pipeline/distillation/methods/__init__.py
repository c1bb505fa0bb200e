"""The ways of teaching that there are: one small file a method or a family, and the table of their names."""
