"""The operator: declared clinics become routing state."""
