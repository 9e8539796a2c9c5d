"""Networks and the pipeline that turns an image into a karyogram."""
