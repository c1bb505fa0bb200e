"""Channels really removed."""
