"""The warehouse, warehouse.duckdb: built from the raw store by dbt, published as a whole."""
