"""Methods of the literature in the same harness: ``given`` is what each gets, ``methods`` what it says, ``answering`` its judgement."""
