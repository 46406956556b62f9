"""How much two objects agree: turned rectangles, cuboids, keypoints, masks. Plain arrays in, plain arrays out."""
