"""Which unlabelled images to label: selection methods on one budget, each judged by the network trained again with its choice."""
