"""ScenePlan -> Frames."""
