"""The templates of a fleet file: industries whose fields and FAQs clients inherit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.core.fleet.layers import SHARED_KEYS, Layer, LayerReader, inherit
from daemon.core.fleet.refusing import Refusal, quote, shorten, suggest

PARENT_KEY = "inherits"
KNOWN_KEYS = SHARED_KEYS | {PARENT_KEY}


@dataclass(slots=True)
class Templates:
    """The templates as they were read, each resolved down from the defaults when it is asked for.

    `resolved` holds None for one that cannot be: it, or one that it inherits from, was refused.
    """

    own: Mapping[str, Layer]
    parents: Mapping[str, str]
    defaults: Layer
    refusal: Refusal
    resolved: dict[str, Layer | None] = field(default_factory=dict)

    def find(self, name: object, *, where: str, key: str) -> Layer | None:
        """Find the template that `key` names at `where`, with all that it inherits."""
        if not isinstance(name, str):
            self.refusal.add(where, f"{key} must be the name of a template")
            return None
        if name not in self.own:
            guess = suggest(name, self.own)
            self.refusal.add(where, f"{key}: there is no template {quote(name)}{guess}")
            return None
        return self.resolve(name)

    def resolve(self, name: str) -> Layer | None:
        """Fold a template and its parents into one layer, nearest last."""
        chain: list[str] = []
        upper: str | None = name
        while upper is not None and upper not in self.resolved and upper not in chain:
            chain.append(upper)
            upper = self.parents.get(upper)
        if upper in chain:
            self._refuse_ring(chain[chain.index(upper) :])
        base = self.defaults if upper is None else self.resolved.get(upper)
        for lower in reversed(chain):
            base = None if base is None else inherit(base, self.own[lower])
            self.resolved[lower] = base
        return base

    def _refuse_ring(self, ring: list[str]) -> None:
        path = " -> ".join(map(shorten, [*ring, ring[0]]))
        self.refusal.add(name_template(ring[0]), f"inherits itself: {path}")


def read_templates(tables: Mapping[str, Any], *, defaults: Layer, reader: LayerReader) -> Templates:
    """Read all templates; a parent that is not there, or a ring of them, goes to the refusal."""
    own = {
        name: reader.read(table, where=name_template(name), known=KNOWN_KEYS)
        for name, table in tables.items()
    }
    templates = Templates(own, {}, defaults, reader.refusal)
    templates.parents = _find_parents(tables, templates)
    for name in own:
        templates.resolve(name)
    return templates


def name_template(name: str) -> str:
    """Name a template as the file heads it."""
    return f"[templates.{shorten(name)}]"


def _find_parents(tables: Mapping[str, Any], templates: Templates) -> dict[str, str]:
    parents: dict[str, str] = {}
    for name, table in tables.items():
        if not isinstance(table, dict) or PARENT_KEY not in table:
            continue
        parent = table[PARENT_KEY]
        if isinstance(parent, str) and parent in templates.own:
            parents[name] = parent
        else:
            templates.find(parent, where=name_template(name), key=PARENT_KEY)
            templates.resolved[name] = None
    return parents
