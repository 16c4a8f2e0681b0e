"""Bundles, facts, the CEL engine, waivers and explanations. Import names from their modules."""
