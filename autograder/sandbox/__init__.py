"""Runs student code where it can harm nobody: host side (client), trusted middle (zygote), untrusted end (guest)."""
