"""The third of three modules that a zygote loads ahead."""
