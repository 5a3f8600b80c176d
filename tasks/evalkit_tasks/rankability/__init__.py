"""Rankability: does one direction of the vectors keep the order of an attribute?"""
