"""Keeps a copy of every asset, because upstream links are short-lived. A job never waits for its copies and never fails by them."""
