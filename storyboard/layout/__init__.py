"""Frames -> Board: arithmetic in millimetres, captions measured with the real font. Nothing is drawn here."""
