"""What a policy may say, loading it, compiling it to expressions, and the packaged standard."""
