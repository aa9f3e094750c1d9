"""The OpenClass API as a dlt source."""
