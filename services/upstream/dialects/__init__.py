"""The upstream's text dialects, pure: a conversation becomes a body, an answer or its stream becomes our words again."""
