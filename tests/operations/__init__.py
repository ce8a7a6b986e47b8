"""Each story of operating on a Prefect server, on real servers and workers; the harness is process, server, worker."""
