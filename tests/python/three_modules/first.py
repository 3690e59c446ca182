"""The first of three modules that a zygote loads ahead."""
