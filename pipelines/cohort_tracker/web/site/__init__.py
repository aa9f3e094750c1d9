"""The pages as a site: links between them, and contacts that are typed in."""
