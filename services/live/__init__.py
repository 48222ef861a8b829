"""What may change while the core runs: callers' keys, aliases and the MuleRun credential. All else is read once, at the start."""
