"""The cue profile: paired interventions that name no object, and the search for a place on which a class depends."""
