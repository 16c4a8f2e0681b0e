"""Documents that the law asks for: a template's fields, filled from recorded facts, drafts and people's answers."""
