"""Leaderboards and verdicts from result files alone; evalkit reaches them through entry points."""
