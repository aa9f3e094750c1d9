"""Files that people keep by hand: the roster, the mentors, the schedule."""
