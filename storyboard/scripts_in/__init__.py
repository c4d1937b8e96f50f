"""Scripts people already have -> ScenePlan: Fountain, Final Draft, Storyboarder. Ids survive an edit and re-import."""
