"""Options that an import takes from the environment, and that can be set afterwards as well."""


def of_pandas_copies(value):
    return value if value == "warn" else value == "1"


# By the package: each variable with its option, and how that is read from it.
OPTIONS = {
    "pandas": {
        "PANDAS_COPY_ON_WRITE": ("mode.copy_on_write", of_pandas_copies),
        "PANDAS_FUTURE_INFER_STRING": ("future.infer_string", lambda value: value == "1"),
    }
}


def set_options(package, module, read, environment):
    """As if it were imported now; `read` is what it has read of these variables."""
    for variable, before in read.items():
        option, value_of = OPTIONS[package][variable]
        if environment.get(variable) != before:
            module.set_option(option, value_of(environment.get(variable)))


def choose_memory(arrow, loaded_with, environment):
    """Where Arrow has its memory from: it chooses at its first use."""
    wanted = environment.get("ARROW_DEFAULT_MEMORY_POOL")
    if wanted != loaded_with.get("ARROW_DEFAULT_MEMORY_POOL"):
        known = arrow.supported_memory_backends()
        name = wanted if wanted in known else known[0]
        arrow.set_memory_pool(getattr(arrow, f"{name}_memory_pool")())
