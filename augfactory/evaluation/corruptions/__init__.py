"""Common corruptions, to measure how a classifier fares on damaged images.

Source:  MNIST-C (Mu & Gilmer 2019, arXiv:1906.02337; google-research/mnist-c), CIFAR-10-C and
         ImageNet-C (Hendrycks & Dietterich 2019, arXiv:1903.12261; hendrycks/robustness). The
         corruptions and their constants are those of the published code.
Differs: hence "style": the bytes are not those of the published files, so error rates can be
         compared among each other, and only roughly with published ones.
         Everywhere: other random numbers, one stream for each image; values are rounded once,
         where the published files are truncated, which is half a grey level darker.
         Frost: crops of procedural textures stand in for five photographs of frost, with the mean,
         deviation and tint of each, shrunk as for CIFAR-10-C. Three classifiers of 2,000 images
         of CIFAR-10 err at no severity more than 1.6 points more or less often than with the
         photographs. Other images, and ImageNet-C, where the textures are enlarged five times,
         were not compared.
         Snow, motion blur: ImageMagick's motion blur, written anew, in floating point.
         Canny edges: OpenCV's, which knows fewer directions; about 1 % of a digit's pixels differ
         from scikit-image's. Colour images give grey edges.
         Shear, rotate, scale, elastic: samples are taken at multiples of 1/32 pixel; beyond an
         elastic image the border row comes twice.
         ImageNet-C: images stay as they are, where the published ones are saved as JPEG of quality
         85.
Sizes:   constants in pixels are for images of 28 (MNIST-C), 32 (CIFAR-10-C) or 224 (ImageNet-C)
         pixels. On larger ones they grow with the shorter side, and pixelate leaves as many pixels
         as of a small image; but noise stays a matter of single pixels and JPEG of blocks of 8, so
         that JPEG changes an image of 64 pixels about half as much as one of 32. On smaller images
         they stay, so that those of ImageNet-C are harsher there than published. Lines, stripes
         and zooms follow each side of the image.
"""
