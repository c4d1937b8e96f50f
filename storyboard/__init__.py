"""Storyboard: a Story is planned into a ScenePlan, rendered into Frames, and laid out on a Board."""
