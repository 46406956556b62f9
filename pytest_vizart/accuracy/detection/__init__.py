"""What every task with objects shares: boxes, instances, keypoints, oriented boxes and cuboids.

`scene` holds one image's objects and predictions with their similarity, and which met which; `tally` what is kept of an
image; `operating_points`, `curves` and `voc` make figures out of all of them; `metric` is the base of the tasks'
metrics. A task brings its own similarity (IoU of boxes or masks, OKS, distance) and its own average precision.
"""
