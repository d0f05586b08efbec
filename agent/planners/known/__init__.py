"""What is not understood for sure is answered from the record about the things that were named.

Which things a sentence names (``things.py``), what the record has about exactly these (``findings.py``, ``subjects.py``), what can be
counted of them at once (``counts.py``), and the answer in a few sentences with its numbers (``answer.py``). Sentences about the program,
its demands, its pictures, its versions and what to collect have readers of their own (``asides.py``, ``pictures.py``, ``versions.py``,
``collect.py``), which are asked first (``asked.py``).
"""
