"""The project file: what recyclekit.yaml may say, each mistake with its place, and what its `${…}` stand for."""
