"""Recording: spans as they are begun and ended, their journal, and the table that they become."""
