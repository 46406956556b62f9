"""Places where files are kept: a folder, or a prefix of an object store, behind one class each."""
