"""Training characters: LoRA, textual inversion, both together, and DreamBooth, on one loop."""
