"""Our own recipes."""

from dataclasses import replace

from edge_infer.model_file.metadata import FaceCrop
from train.recipes.attribution import FACES_ATTRIBUTION, GEMS_ATTRIBUTION, VGG16_ATTRIBUTION
from train.recipes.schema import Augmentation, CachedViews, FineTune, KnownHead, PooledHead, Recipe

CUSTOM = Recipe(
    name="custom",
    summary="Any folder of class folders, with the settings of our best recipe.",
    task=None,
    image_size=224,
    preprocessing="caffe",
    head=PooledHead(
        taps=("block4_conv3", "block5_conv3"),
        inverse_l2=0.03,
        pooling="energy",
        balance=0.5,
        known=KnownHead(inverse_l2=0.01, stranger_views=3),
    ),
    schedule=CachedViews(views=5),
    augmentation=Augmentation(
        crop=0.75,
        rotation_deg=20,
        horizontal_flip=True,
        vertical_flip=True,
        brightness=0.25,
        contrast=0.2,
        gamma=0.3,
        tint=0.08,
        saturation=0.25,
    ),
    ratios=(78, 12, 10),
    # Each fold of it takes minutes, so it is asked for (docs/training.md).
    fine_tune=FineTune(mode="never", learning_rate=5e-5, batch_size=16, epochs=1, blocks=2),
    attribution=(VGG16_ATTRIBUTION,),
)

GEMS = replace(
    CUSTOM,
    name="gems",
    summary="Ten gemstones, ours; best with --more and --others.",
    task="gems",
    fine_tune=FineTune(mode="always", learning_rate=5e-5, batch_size=16, epochs=1, blocks=2),
    head=replace(
        CUSTOM.pooled_head,
        # Things are nine in ten of the strangers' weight: there are few, of all kinds there are.
        known=KnownHead(inverse_l2=0.01, stranger_views=3, part_weights={"other_stones": 3, "things": 32}),
    ),
    attribution=(VGG16_ATTRIBUTION, GEMS_ATTRIBUTION),
    card={
        "label_meaning": "Which of the ten the stone looks like. Another stone, or something that is none, gets the "
        "nearest label; a known below the threshold says that it may be none of the ten.",
        "intended_use": "Demonstrations, teaching, and sorting pictures that somebody checks again.",
        "limits": "Sees colour, cut and lustre, not hardness, density or refraction. Worse on jewellery and beads, "
        "where a stone is small or one of many, on opals, and on bloodstone, larimar and sunstone, of which few photos "
        "were learned from. Which of the stones were synthetic, dyed or glass was not recorded.",
        "not_for": "Valuing, buying, selling, insuring or certifying stones, or telling a natural stone from an "
        "imitation.",
    },
)

GENDER = Recipe(
    name="gender",
    summary="Man or woman from a face, ours.",
    task="gender",
    image_size=120,
    preprocessing="caffe",
    head=PooledHead(taps=("block3_conv3", "block4_conv3"), inverse_l2=0.01, grid=3),
    schedule=CachedViews(views=3),
    augmentation=Augmentation(
        rotation_deg=10,
        shift=0.04,
        zoom=0.12,
        horizontal_flip=True,
        brightness=0.3,
        contrast=0.35,
        gamma=0.4,
        tint=0.1,
        saturation=0.4,
        grey_share=0.25,
        blurred_share=0.35,
        jpeg_share=0.4,
    ),
    ratios=(70, 10, 20),
    face=FaceCrop(margin=0.0, upright=True),
    # Each fold of it takes minutes, so it is asked for (docs/training.md).
    fine_tune=FineTune(mode="never", learning_rate=1e-5, batch_size=32, epochs=1),
    attribution=(VGG16_ATTRIBUTION, FACES_ATTRIBUTION),
    card={
        "label_meaning": "Apparent gender as the annotators of the training photos saw it, in two classes. "
        "It is not a person's sex, gender identity or how they describe themselves.",
        "intended_use": "Aggregate statistics and demonstrations where a wrong answer harms nobody and people know.",
        "limits": "Trained on 2,300 photos of mostly adult, mostly famous people from image search. Worse on small, "
        "dark, blurred, covered and turned faces, children, old people, and people whose looks do not follow the "
        "conventions of those photos. Scores of different groups of people were not compared.",
        "not_for": "Decisions about a person: access, prices, hiring, policing, moderation, medicine. Not for "
        "identifying people. Not for finding out a person's identity, against their will or at all.",
    },
)
