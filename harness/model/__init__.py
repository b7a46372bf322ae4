"""Models: Caffe's files, the neutral folder made from them, and `model.toml`."""
