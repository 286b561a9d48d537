"""A run's claims as a table: Markdown, LaTeX."""
