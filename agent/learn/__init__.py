"""Learning and first steps: lessons, practice cases, the first-run wizard, and prompts for what nobody has looked at.

Everything a person is asked and told here is a dialogue (``dialogue.py``): a generator of words, evidence and questions,
which ``lines.py`` runs line by line and ``agent/ui/tui/screens/lesson.py`` in the terminal app. Lessons are data files
(``data/lessons/*.yaml``); every number in them is measured by the tools while the lesson runs.
"""
