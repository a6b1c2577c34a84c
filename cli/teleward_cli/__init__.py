"""The command line: Teleward on one machine, and its tools."""
