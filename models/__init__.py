"""The registry of ONNX models: names, digests, licences, input and output contracts."""
