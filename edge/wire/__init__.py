"""gRPC to a core over HTTP/2 inside of the loop, for a third of the CPU: the gRPC library does it between several threads.

Only what a client needs that speaks to our core: no TLS, no compression, no names. `edge.channels` decides where it is used.
"""
