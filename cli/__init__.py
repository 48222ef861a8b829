"""The commands: serve, demo, simulate, render-envoy."""
