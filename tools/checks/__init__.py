"""Support of the cheap checks: pure functions and reports, one module a subject."""
