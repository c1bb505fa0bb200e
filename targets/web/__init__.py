"""Any phone's browser as a place that runs files: a page, the server behind it, and the runtimes that it loads."""
