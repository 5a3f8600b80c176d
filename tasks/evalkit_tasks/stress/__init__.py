"""Stress sets and probes: what can an encoder's geometry represent at all?"""
