"""Common corruptions, to measure how a classifier fares on damaged images.

Source:  MNIST-C (Mu & Gilmer 2019, arXiv:1906.02337; google-research/mnist-c) and CIFAR-10-C
         (Hendrycks & Dietterich 2019, arXiv:1903.12261; hendrycks/robustness). The corruptions and
         their constants are those of the published code; ImageNet-C's are far harsher.
Differs: hence "style": the bytes are not those of the published files, so error rates can be
         compared among each other, and only roughly with published ones.
         Everywhere: other random numbers, one stream for each image; values are rounded once,
         where the published files are truncated, which is half a grey level darker.
         Frost: crops of procedural textures stand in for photographs of frost. CIFAR-10-C's changes
         an image 16 % (severity 1) to 31 % (severity 5) less than the published one, and costs less
         (a VGG errs in 61.8 % instead of 65.8 %).
         Snow, motion blur: ImageMagick's motion blur, written anew, in floating point.
         Canny edges: OpenCV's, which knows fewer directions; about 1 % of a digit's pixels differ
         from scikit-image's. Colour images give grey edges.
         Shear, rotate, scale, elastic: samples are taken at multiples of 1/32 pixel; beyond an
         elastic image the border row comes twice.
Sizes:   constants in pixels are for images of 28 (MNIST-C) or 32 pixels. On larger ones they grow
         with the shorter side, but for noise, which stays a matter of single pixels. Pixelate and
         JPEG do not grow: at 64 pixels they are about half as strong as at 32. Lines, stripes and
         zooms follow each side of the image.
"""
