"""MuleRun over HTTP: the only room that knows its words, and the only one that sends it anything."""
