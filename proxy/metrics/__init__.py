"""The exposition of metrics: tables of families, the readers of their samples, the formats."""
