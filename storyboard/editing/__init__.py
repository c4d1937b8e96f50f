"""Changing a finished board: what to change about a frame, in words. No torch here."""
