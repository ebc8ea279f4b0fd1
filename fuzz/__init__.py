"""Coverage-guided fuzzing (atheris) of what reads foreign input: `python -m fuzz TARGET --seconds 60`.

A target is a function of bytes that may raise the errors of its package and nothing else, with seeds that
lead into it. To add one, name it in `fuzz.targets`.
"""
