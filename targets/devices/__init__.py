"""What every device that a wire reaches has in common: how files go there, what runs them, and what is left."""
