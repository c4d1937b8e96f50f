"""Board -> file, a module for each format. Every function is `export(board, path)` and writes atomically."""
