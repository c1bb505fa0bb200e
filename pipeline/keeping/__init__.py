"""What the store is made of: lineages and their keys, sealed entries, claims, eviction, remembered digests."""
