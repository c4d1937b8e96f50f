"""The web UI's prompt language: text in, data out. Imports neither torch nor numpy."""
