"""Files on targets: what is measured, how, in which order, and which of the rows may be compared."""
