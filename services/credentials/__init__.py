"""Finds the MuleRun tokens and keeps them fresh. Law: a token is never logged, never in an error, never world-readable."""
