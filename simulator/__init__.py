"""A MuleRun that runs here, for demo, tests and development without credits; it knows the contract and nothing of ours."""
