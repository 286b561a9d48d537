"""Records to what a reader takes away; a pure function of the records."""
