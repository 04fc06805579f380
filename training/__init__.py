"""Trains a small Würstchen from pictures with captions and writes the folder that the engine draws from. See README.md."""
