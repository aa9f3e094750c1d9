"""The tables in PostgreSQL, for many readers: brought there after each build, as a whole or not."""
