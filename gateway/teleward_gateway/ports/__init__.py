"""The doors of the gateway's decisions to the outside, by subject."""
