"""Synthetic people: WebRTC peers with moving pictures and sound, for demos, tests and benches."""
