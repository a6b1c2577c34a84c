"""The life of two clinics as a model, and the same life at real gateways: what is asked of one is asked of both."""
