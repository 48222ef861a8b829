"""Envoy's configuration: what stands still is envoy.yaml, what changes is rendered here as files that Envoy watches."""
