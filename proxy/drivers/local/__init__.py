"""The gateway's own HTTPS API: login, documents, control."""
