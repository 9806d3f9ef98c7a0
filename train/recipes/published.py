"""The published recipes, repeated as they were published: two portfolio projects of students."""

from dataclasses import replace

from train.recipes.attribution import FACES_ATTRIBUTION, GEMS_ATTRIBUTION, VGG16_ATTRIBUTION
from train.recipes.schema import Augmentation, DenseHead, OnTheFly, Recipe

GEMS_BASELINE = Recipe(
    name="gems-baseline",
    summary="As published: Flatten, Dense 256, softmax; 10 epochs (published test accuracy 77 %).",
    task="gems",
    image_size=224,
    preprocessing="unit",
    head=DenseHead(units=(256,)),
    # "Default optimizer" is what Keras' compile() takes when none is named.
    schedule=OnTheFly(optimizer="rmsprop", learning_rate=None, batch_size=32, epochs=10),
    # Which augmentation was used is not published; this is the one of its sister project.
    augmentation=Augmentation(rotation_deg=40, shift=0.2, shear_deg=0.2, zoom=0.2, horizontal_flip=True),
    ratios=(78, 12, 10),
    published=True,
    attribution=(VGG16_ATTRIBUTION, GEMS_ATTRIBUTION),
)

GEMS_IMPROVED = replace(
    GEMS_BASELINE,
    name="gems-improved",
    summary="As published: Dense 256, 128, dropout 0.5, Adam 1e-4; 50 epochs (published test accuracy 95 %).",
    head=DenseHead(units=(256, 128), dropout=0.5),
    schedule=OnTheFly(optimizer="adam", learning_rate=1e-4, batch_size=32, epochs=50),
)

_GENDER_SCHEDULE = OnTheFly(
    optimizer="rmsprop",
    learning_rate=2e-5,
    batch_size=20,
    epochs=10,
    steps=75,
    validation_steps=25,
    unscaled_validation=True,
)

GENDER_BASELINE = Recipe(
    name="gender-baseline",
    summary="As published: Flatten, Dense 256, sigmoid; 10 epochs (published test accuracy 0.866).",
    task="gender",
    image_size=150,
    preprocessing="unit",
    head=DenseHead(units=(256,), sigmoid=True),
    schedule=_GENDER_SCHEDULE,
    augmentation=Augmentation(rotation_deg=40, shift=0.2, shear_deg=0.2, zoom=0.2, horizontal_flip=True),
    ratios=(70, 10, 20),
    published=True,
    attribution=(VGG16_ATTRIBUTION, FACES_ATTRIBUTION),
)

GENDER_L2 = replace(
    GENDER_BASELINE,
    name="gender-l2",
    summary="As published: the baseline with L2 0.001 and 80 steps an epoch (published val_acc up to 0.88).",
    head=DenseHead(units=(256,), l2=0.001, sigmoid=True),
    schedule=replace(_GENDER_SCHEDULE, steps=80, validation_steps=30),
)
