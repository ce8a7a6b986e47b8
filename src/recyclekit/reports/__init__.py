"""What people read: figures of a plan or run, the HTML report, the definition document, the trace of one deal."""
