"""Writers of artifacts, one module a family of types. None pickles, and none changes or keeps its value."""
