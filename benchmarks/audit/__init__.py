"""What is promised about error rates and about faults, measured: ``benchmarks.audit.statistics``, ``benchmarks.audit.faults``."""
