"""The text models: one reply, thought up once, and the three dialects in which it is told."""
