"""What may be read while a case is being opened for the first time."""

INTRO = """**Failsight finds out where a classifier fails, why, and what would help.** The case is being got ready: the line above the prompt says what is done and how long it takes. The next start is quicker. Meanwhile:

- **Ask in plain words**, or type `go on` for the next step. Numbered replies can be taken with one key. What you type now waits until the case is open.
- **Cards (E1, E2 …)** hold what was measured, with intervals. Enter or a click unfolds one.
- **Hypotheses (F1, F2 …)** are suspected causes. A test with a control confirms or refutes each; only then is it said to be so.
- **You decide**: what takes long or writes something asks for your yes first, with the time it takes. Esc stops what runs; nothing is lost.
- `F1` shows the keys, `/glossary` explains words, `/learn` has short lessons, Ctrl+Q leaves."""
