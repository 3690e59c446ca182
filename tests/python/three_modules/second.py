"""The second of three modules that a zygote loads ahead."""
