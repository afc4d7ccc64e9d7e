"""Renderings of what a gateway reported: pure functions of documents.

A view takes the values of the sources that its route names and the owner's options, and
returns what is to be encoded (or the text of a CSV line). A source that the gateway does not
offer is missing from the documents. What is unknown is null, or left out, and never zero.
"""
