"""The five stages, in this order: extract, normalize, classify, schedule, write_back. Nothing else, ever."""
