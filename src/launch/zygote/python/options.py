"""Options that an import takes from the environment, and that can be set afterwards as well."""

import warnings


def is_one(value):
    return value == "1"


def is_one_or_warn(value):
    return value if value == "warn" else value == "1"


def is_on_or_warn(value):
    return value if value == "warn" else value in (None, "1")


def is_not_zero(value):
    return value != "0"


COPIES, STRINGS = "mode.copy_on_write", "future.infer_string"

# By the package, from its newest versions on: each variable with its option, and how that is read from it.
OPTIONS = {
    "pandas": [
        ((3,), {"PANDAS_COPY_ON_WRITE": (COPIES, is_on_or_warn), "PANDAS_FUTURE_INFER_STRING": (STRINGS, is_not_zero)}),
        ((2, 2), {"PANDAS_COPY_ON_WRITE": (COPIES, is_one_or_warn), "PANDAS_FUTURE_INFER_STRING": (STRINGS, is_one)}),
        ((1, 5), {"PANDAS_COPY_ON_WRITE": (COPIES, is_one), "PANDAS_FUTURE_INFER_STRING": (STRINGS, is_one)}),
    ]
}


def options_of(package, module):
    """Those that this version has; none while it is not known yet."""
    if package not in OPTIONS:
        return {}
    numbers = getattr(module, "__version__", "").split(".")[:2]
    version = tuple(int(number) for number in numbers if number.isdigit())
    return next((options for since, options in OPTIONS[package] if version >= since), {})


def set_options(package, module, read, environment):
    """As if it were imported now; `read` is what it has read of these variables."""
    for variable, before in read.items():
        if environment.get(variable) != before:
            option, value_of = options_of(package, module)[variable]
            with warnings.catch_warnings():  # of an option that goes with the next version
                warnings.simplefilter("ignore")
                module.set_option(option, value_of(environment.get(variable)))


def choose_memory(arrow, loaded_with, environment):
    """Where Arrow has its memory from: it chooses at its first use."""
    wanted = environment.get("ARROW_DEFAULT_MEMORY_POOL")
    if wanted != loaded_with.get("ARROW_DEFAULT_MEMORY_POOL"):
        known = arrow.supported_memory_backends()
        name = wanted if wanted in known else known[0]
        arrow.set_memory_pool(getattr(arrow, f"{name}_memory_pool")())
