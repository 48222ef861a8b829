"""One `/metrics` for the whole gateway: what core, edge and Envoy count, joined, each sample with the part that it is of."""
