"""Where records come from: one folder per API, and the files that people keep by hand."""
