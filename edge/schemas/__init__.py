"""What OpenAPI says of each endpoint. Bodies come from the tables that read them, our own resources from the contract itself."""
