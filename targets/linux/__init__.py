"""A Raspberry Pi, or any Linux machine, over ssh."""
