"""`python -m recyclekit` is the command `recyclekit`."""

from recyclekit.cli import main

main()
