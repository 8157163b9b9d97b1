"""What a line could do and what it should do."""
