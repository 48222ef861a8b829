"""Endpoints by resource: each reads a request, asks the core, and answers in the caller's dialect."""
