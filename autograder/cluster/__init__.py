"""Grading on a Dask cluster: what a coordinator ships, what a worker does with it, and who gives out the work."""
