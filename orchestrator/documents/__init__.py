"""Files in: YAML with line and column, all problems at once, JSON Schema out."""
