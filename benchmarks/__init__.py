"""Benchmarks: what a sync costs, beside what people would use instead."""
