"""`teleward demo`: people with synthetic video and sound who hold a consultation."""
