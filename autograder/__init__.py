"""Grades recurrent-network notebooks; answers and student code never share a process."""

__version__ = "0.2.0"
