"""What comes with an entry of the cache: the entries that it has imported itself, and theirs."""

from entries import first_two, top_level


class Needs:
    """Who has imported what, by the name of an entry. `running` gives the module whose code runs."""

    def __init__(self):
        self.noted = {}
        self.of_entries = {}
        self.all = {}
        self.lacking = {}
        self.running = lambda: ""

    def note(self, importer, name):
        """Module `importer` imports `name`."""
        self.add(first_two(importer), top_level(name))
        running = first_two(self.running()) if "." in name else ""
        if running and running != first_two(name):
            self.add(running, first_two(name))

    def add(self, importer, name):
        self.noted.setdefault(importer, set()).add(name)

    def settle(self, entries, missed):
        """As noted until now, for these entries: what a package has is the package's but where it is an entry itself.

        `missed` are modules that were imported in vain.
        """
        self.of_entries = {}
        for name, names in self.noted.items():
            self.of_entries.setdefault(name if name in entries else top_level(name), set()).update(names)
        self.lacking = {name: lacks for name in entries if (lacks := missed.intersection(self.of_entries.get(name, ())))}
        self.all = {name: self.closure(name, entries) for name in entries}

    def closure(self, name, entries):
        found, to_look = set(), [name]
        while to_look:
            one = to_look.pop()
            if one in entries and one not in found:
                found.add(one)
                to_look.extend(self.of_entries.get(one, ()))
        return [one for one in list(entries) if one in found]

    def of(self, name, entries):
        """With itself, in the order of the entries."""
        known = self.all.get(name)
        return self.closure(name, entries) if known is None else known
