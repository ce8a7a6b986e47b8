"""For authors of connectors: the conformance kit, and sandbox CRMs that can be hurt. Needs recyclekit[testing]."""
