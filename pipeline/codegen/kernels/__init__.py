"""C sources that a package takes what it uses of."""
