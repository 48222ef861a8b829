"""The catalog: rows as data, and pure functions that find, check and shape. No I/O."""
