"""The reference index, the cascade, alignment, scores and explanations. Import names from their modules."""
