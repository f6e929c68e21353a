"""What is not one server's matter: started by others, shared hosting, mixed programs, snippets."""

CASES = []
