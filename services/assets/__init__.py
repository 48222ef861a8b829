"""Keeps a copy of every asset, because upstream links are short-lived. No job waits for its copies, and none fails by them."""
