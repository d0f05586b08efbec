"""Who answers what: images that go to people, images that are left to the model, and how many of these are wrong."""
