"""Messages to people where they already are: what is news, who was told, and how it gets there."""
