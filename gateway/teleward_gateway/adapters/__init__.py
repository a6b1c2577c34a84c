"""The outside world of the gateway: stores, cookies, media nodes, metrics."""
