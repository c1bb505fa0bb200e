"""The report as a page: each section is one file, all built alike."""

from .page import page, write_page

__all__ = ["page", "write_page"]
