"""Attempts that workers in other processes execute, through an engine such as Dask or Ray.

What every such engine has in common: an *errand* goes to a worker, which executes it in an *outpost* and answers with
an *outcome*. A session hands out the one and takes in the other; how they travel is the engine's own.
"""
