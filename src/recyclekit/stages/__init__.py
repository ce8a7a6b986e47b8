"""The five stages, in this order: extract, normalize, classify, schedule, write_back; five modules, nothing else ever."""
