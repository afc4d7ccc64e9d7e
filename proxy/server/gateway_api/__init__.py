"""The gateway's own API for programs that were made for it: login, documents, web app."""
