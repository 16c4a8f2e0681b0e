"""What a company keeps: tables, unit of work, hash-chained log, manifests. Import names from their modules."""
