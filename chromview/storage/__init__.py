"""Case files, and reading and writing of images, labels and karyograms."""
