"""The methods that take the same step, a module each, as a strong user of it would write it.

Each has `prepare(problem)`, which returns `advance(steps, rate)`: descend from the start and return
the kernels, (trial, kernel, dim).
"""
