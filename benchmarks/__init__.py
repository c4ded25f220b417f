"""Performance claims, measured beside what people would use instead. See docs/benchmarks.md."""
