"""`pisama watch`: runs a command, records what its agents do, and says what fails while it fails.

Two processes. The one the user started (`session`) runs the command, forwards its calls to providers and takes
the spans it exports; it never waits for an analysis unless it was asked to stop the run. The other one
(`analyst`) turns all of that into spans, appends them to the audit trail, and analyses them.
"""
