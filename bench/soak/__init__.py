"""A week in the life of the proxy, in minutes: ``python -m bench.soak``.

A simulated gateway, the proxy and fifty clients of seven kinds run in one process over real sockets, on a
loop whose time jumps to the next timer whenever there is nothing to do. Every reading that a client gets is
compared with what the gateway showed at the time that the reading's age gives.
"""
