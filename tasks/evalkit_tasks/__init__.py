"""Task types and the built-in tasks; evalkit reaches them through entry points."""
