"""What people say and do themselves: expectations, labels, attributes, judgements of errors, forms, and the sign-off."""
