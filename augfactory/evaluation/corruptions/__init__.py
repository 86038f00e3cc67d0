"""Common corruptions, to measure how a classifier fares on damaged images.

Source:  MNIST-C (Mu & Gilmer 2019, arXiv:1906.02337; google-research/mnist-c), CIFAR-10-C and
         ImageNet-C (Hendrycks & Dietterich 2019, arXiv:1903.12261; hendrycks/robustness). The
         corruptions and their constants are those of the published code.
Differs: hence "style": the bytes are not those of the published files, so error rates can be
         compared among each other, and only roughly with published ones.
         Everywhere: other random numbers, one stream for each image; values are rounded once,
         where the published files are truncated, which is half a grey level darker.
         Frost: crops of procedural textures stand in for photographs of frost. Their mean (0.60
         of white) and standard deviation (0.31) were set so that images of CIFAR-10 change as
         much as by the photographs at severities 1 and 5. That is calculated from differences
         measured at these two. A small VGG on 2,000 photographs then errs on 59.8 % of images under
         frost, 55.4 % before: 4.4 points more, where a VGG beside the photographs erred on 4.0
         more. Single severities, other images, the photographs' forms and colours, and all of
         ImageNet-C, where the textures are enlarged five times, were not compared.
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
