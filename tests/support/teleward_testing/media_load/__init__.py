"""One load for many SFUs: shapes, the native generator that makes them, the servers, and what is told of a run."""
