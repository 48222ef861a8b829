"""Pure mappings between the callers' JSON and the contract. They know neither HTTP nor gRPC."""
