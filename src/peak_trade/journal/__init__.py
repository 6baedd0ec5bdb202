"""What happened, durably: one database, its schema, and how it is opened."""
