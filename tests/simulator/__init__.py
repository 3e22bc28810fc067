"""A seeded simulator: whole random flows in virtual time, every race in every order.

``python -m tests.simulator --flows 10000`` plays that many and prints the seed of the first that breaks an invariant,
and the list of its events; ``--seed N`` plays that one again. It plays the orchestrator alone (``world``), and the real
driver round it with a task runner in memory (``driven``). ``orders`` plays small flows in every order there is.
What must hold says ``model``.
"""
