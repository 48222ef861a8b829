"""What the core can say of its own ground before it serves: credentials and stores.

Law: it looks, and neither pays nor changes a thing; but a login that has ended is renewed, as by the first call.
"""
