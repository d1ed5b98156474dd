"""Finding regions in pictures: our face detector, users' YOLO files, and which detectors there are."""
