"""Training records: read from any tool's files, and what their curves say."""
