"""Where the photos and the weights come from, as a model's file must say."""

VGG16_ATTRIBUTION = "VGG16 ImageNet weights: Oxford Visual Geometry Group (Simonyan & Zisserman 2014), CC BY 4.0"
GEMS_ATTRIBUTION = "Training photos: Kaggle data set Gemstones Images (lsind18/gemstones-images)"
FACES_ATTRIBUTION = "Training photos: arunponnusamy/gender-detection-keras, MIT, Copyright (c) 2018 Arun Ponnusamy"
