"""The Prefect wrapper around the pipeline: the only room that imports prefect."""
