"""The REST API: rows of the tables over HTTP, each person the own ones, and nothing computed."""
