"""Files that people keep by hand: the roster and the mentors."""
