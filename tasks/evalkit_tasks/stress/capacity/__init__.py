"""Free-embedding capacity: for how many documents can a space of d dimensions answer every top-k query?

No encoder and no text: the vectors themselves are optimised (Weller et al. 2025, "On the Theoretical Limitations of
Embedding-Based Retrieval"). What no free vectors can do, no encoder of that dimension can do either by this training.
"""
