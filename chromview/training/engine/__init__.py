"""Training of the segmenters of the zoo, with Lightning."""

# Lightning, torchmetrics and what else imports torchvision need it prepared.
from chromview.vision import _torchvision as _torchvision
