"""A MuleRun that runs here: for the demo, the tests and development without credits. It knows the contract and nothing of ours."""
