"""The MySQL protocol.

protocol   the listening socket, a connection, its commands
channel    messages over a socket
handshake  the greeting, and who a client says it is
packets    OK, ERR, columns and text rows as bytes
prepared   parameters and rows of prepared statements
"""
