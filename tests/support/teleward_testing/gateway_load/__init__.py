"""Load of a gateway: thousands of waiting pages and hundreds of dashboards, scripted and cheap."""
