"""Who may come in: keys, sessions and proxies, and whom each of them stands for."""
