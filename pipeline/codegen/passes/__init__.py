"""What is done to a copy of the integer graph before C is written from it."""
