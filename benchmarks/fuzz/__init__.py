"""A coverage-guided search for inputs that make a loader, a detector or an output raise or hang."""
