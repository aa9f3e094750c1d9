"""The page that a mentor reads."""
