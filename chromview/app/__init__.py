"""Documents, actions, controllers and background jobs; no widgets."""
