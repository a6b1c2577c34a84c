"""HTTP and WebSocket: pages, interface, sockets."""
