"""The gateway: the door for patients, staff and guests."""
