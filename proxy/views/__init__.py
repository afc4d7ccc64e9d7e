"""Pure renderings: gateway documents in, documents or text out."""
