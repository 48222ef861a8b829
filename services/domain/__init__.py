"""The nouns of the house as frozen values. No I/O, nothing but the standard library."""
