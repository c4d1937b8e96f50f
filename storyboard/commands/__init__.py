"""Click commands: parse, call, print. No logic."""
