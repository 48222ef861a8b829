"""The edge shim: OpenAI's and Anthropic's JSON and SSE on one side, the contract on the other. It holds no state."""
