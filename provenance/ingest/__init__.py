"""Readers that yield Arrow-style batches lazily. Import names from their modules."""
