"""Problems with planted bugs in dcbench's form, from the procedural rooms, and how well methods find the bugs."""
