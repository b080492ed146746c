"""Many traces: several processes, a cluster, results kept in a folder, and what they say together."""
