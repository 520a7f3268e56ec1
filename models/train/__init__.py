"""Our own compact detector: trained from scratch on rendered scenes, exported to ONNX."""
