"""What each command asks and prints."""
