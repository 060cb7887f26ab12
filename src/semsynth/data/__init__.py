"""Training data: samples, transforms, the dataset folder, and how to make one."""
