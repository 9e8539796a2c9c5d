"""What a chromosome, a slide and a karyogram are; no widgets, no networks."""
