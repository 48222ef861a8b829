"""Records of calls: what was called, by whom, and what it cost."""
