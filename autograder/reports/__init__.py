"""One file per format; each is a function of `autograder.model.Report` and of nothing else."""
