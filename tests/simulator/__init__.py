"""A seeded simulator: whole random flows in virtual time, every race in every order.

``python -m tests.simulator --runs 10000`` plays that many and prints the seed of the first that breaks an
invariant; ``--seed N`` plays that one again and tells its story. It plays the orchestrator alone (``world``),
and the real driver round it with a task runner in memory (``driven``). What must hold says ``model``.
"""
