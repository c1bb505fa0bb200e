"""Front ends: from sound or text to the numbers a model takes, in arithmetic that a microcontroller can repeat."""
