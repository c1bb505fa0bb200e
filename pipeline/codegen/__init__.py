"""The integer graph as a C11 package that needs no interpreter, no heap and no library."""
