"""What the edge counts of itself, for Prometheus.

Law: counting never stops a call or a start, and no label is a word that a caller made up.
"""
