"""A run's report: the document, what follows from its raw values, and what it says in words."""
