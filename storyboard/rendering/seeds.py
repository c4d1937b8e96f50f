"""Seeds: each frame's from the story's seed and the scene's id, so that inserting a scene keeps the others."""

from __future__ import annotations

from hashlib import sha256

SEED_BYTES = 4
"""Seeds fit in 32 bits, as other tools' seed fields expect."""


def frame_seed(story_seed: int, scene_id: str) -> int:
    """0 to 2**32 - 1; scenes of one story get unrelated seeds, the same scene always gets its own."""
    digest = sha256(f"frame-seed/v1\0{story_seed}\0{scene_id}".encode())
    return int.from_bytes(digest.digest()[:SEED_BYTES], "big")


def anchor_seed(story_seed: int, character: str) -> int:
    """The seed of the hidden picture that fixes a character's looks for one story."""
    return frame_seed(story_seed, f"anchor:{character}")
