"""The casebook: planted faults for vision models, who finds them, and who cries wolf.

``plans`` says what is planted in which case (a pure function of split and number), ``bugs`` how each fault is planted,
``pictures`` and ``networks`` make the case's files, ``keys`` judges what a planner or a baseline says of it, ``playing`` and
``baselines`` play a case, ``table`` adds up. ``python -m benchmarks.casebook --help``.
"""
