"""Pictures that occur twice, and evaluation images that were trained on."""
