"""Story -> ScenePlan: offline (no key, no network), openai and langchain (a language model), scripted (a file)."""
