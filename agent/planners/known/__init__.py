"""What is not understood for sure is answered from the record about the things that were named.

Which things a sentence names (``things.py``), what the record has about exactly these (``findings.py``, ``subjects.py``), what can be
counted of them at once (``counts.py``), and the answer in a few sentences with its numbers (``answer.py``, ``said.py``). Sentences about the
program, demands and what to collect, figures, problems, pictures and versions have readers of their own (``wording.py``, ``demands.py``,
``plainly.py``, ``problems.py``, ``pictures.py``, ``versions.py``), which are asked first (``asked.py``).
"""
