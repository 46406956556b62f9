"""What people and machines read after a session: terminal summary, JSON and the HTML report. Input is records only."""
