"""What is kept: the schema, the journal of a session under way, Parquet files, and reading them back."""
