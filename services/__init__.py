"""The gRPC core: it owns what a request means, what a job is, and every call to MuleRun."""
