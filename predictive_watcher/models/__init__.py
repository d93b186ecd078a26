"""Models that look ahead: cards, files and onnxruntime."""
