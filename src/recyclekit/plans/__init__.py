"""A plan's way from the stages to the sink: summed up, kept as files, admitted, its deals read again, and taken up."""
