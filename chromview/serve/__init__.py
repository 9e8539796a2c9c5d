"""The pipeline over HTTP: what is answered, whose turn it is, and the sockets."""
