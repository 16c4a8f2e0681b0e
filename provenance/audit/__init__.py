"""The use cases, over ports. Import names from their modules."""
