"""What a program needs that works unattended: locks, signals, folders, work in the background."""
