"""Who may read what of the published tables: the one way to them for all that people look at."""
