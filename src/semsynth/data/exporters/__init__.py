"""One exporter per format: the layouts and photographs of a dataset folder as files that detectors and tools read."""
