"""The published classifiers, to compare with: four networks of torchvision, trained as their authors did.

The classifier that ships is another one (`chromview.training.train_classifier`).
"""
