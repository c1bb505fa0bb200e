"""Our C against the best open engine, on emulated boards."""
