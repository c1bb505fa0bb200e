"""`edgestill tune`: settings of a distillation, searched on validation; test is never looked at."""
