"""Model families, one file each; see ``training.family.Family`` for what a file must define."""

FAMILIES = {
    "linear": "training.families.linear:LINEAR",
    "tree": "training.families.tree:TREE",
    "forest": "training.families.forest:FOREST",
    "boosting": "training.families.boosting:BOOSTING",
    "svm": "training.families.svm:SVM",
    "neighbours": "training.families.neighbours:NEIGHBOURS",
    "mlp": "training.families.mlp:MLP",
    "dense": "training.families.network:DENSE",
    "convolution": "training.families.network:CONVOLUTION",
    "recurrent": "training.families.network:RECURRENT",
    "autokeras": "training.families.network:SEARCHING",
}
NETWORKS = ("dense", "convolution", "recurrent", "autokeras")
"""Those that need Keras."""
