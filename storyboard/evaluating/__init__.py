"""Scores of finished boards: what can be seen, and whether it stays the same."""
