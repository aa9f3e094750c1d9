"""Does the health score tell who will fail? Measured on learners whose outcome is known."""
