"""What comes in: the nets, and the checkpoint file that reloads them."""
