"""HTTP rules that every route shares: admission, codings, problems, dispatch."""
