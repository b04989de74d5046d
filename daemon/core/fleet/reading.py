"""Reads a fleet: TOML text, or a set of seed documents in JSON, into the clients that are wanted.

All of it or nothing: whatever is wrong is collected with its place, and refused together. Opens no
file: whoever calls brings the bytes, a name for them, and a way to the files they mention.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from daemon.core.fleet.layers import (
    EMPTY,
    SEED_KEYS,
    SHARED_KEYS,
    Files,
    Layer,
    LayerReader,
    inherit,
)
from daemon.core.fleet.refusing import Refusal, name_entry, quote, shorten, suggest
from daemon.core.fleet.templates import Templates, read_templates
from daemon.core.fleet.wanted import Fleet, Wanted
from daemon.core.seeds import ClientSeed, validate

MAX_FLEET_BYTES = 20 * 1024 * 1024
"""The largest file taken, in bytes: a thousand clients with all of their FAQs inside fit."""

TOP_KEYS = ("defaults", "templates", "clients")
TEMPLATE_KEY = "template"
CLIENT_KEYS = SHARED_KEYS | {TEMPLATE_KEY}
NEEDED = tuple(name for name, field in ClientSeed.model_fields.items() if field.is_required())

_AT_LINE = re.compile(r"(?P<why>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)


def read_fleet(data: bytes, *, source: str, files: Files) -> Fleet:
    """Read a fleet file.

    Raises:
        Invalid: with every problem, each in its place; `source` names the file.

    """
    refusal = Refusal(source)
    document = _load_toml(_decode(data, refusal), refusal)
    for key in document:
        if key not in TOP_KEYS:
            refusal.add("", f"unknown key {quote(key)}{suggest(key, TOP_KEYS)}")
    reader = LayerReader(files, refusal)
    defaults = EMPTY
    if "defaults" in document:
        defaults = reader.read(document["defaults"], where="[defaults]", known=SHARED_KEYS)
    templates = read_templates(_find_tables(document, refusal), defaults=defaults, reader=reader)
    gathering = _Gathering(refusal)
    for number, table in enumerate(_find_entries(document, refusal), start=1):
        where = name_entry(number, table)
        own = reader.read(table, where=where, known=CLIENT_KEYS)
        base = _find_base(table, templates, where)
        if base is not None:
            gathering.add(inherit(base, own), where)
    return gathering.finish()


def read_seeds(seeds: Iterable[tuple[str, bytes]], *, source: str, files: Files) -> Fleet:
    """Read seed documents, each by the name of its file: a client as POST /clients takes it.

    Raises:
        Invalid: as `read_fleet` does; the place is the file's name.

    """
    refusal = Refusal(source)
    reader = LayerReader(files, refusal)
    gathering = _Gathering(refusal)
    for name, data in seeds:
        where = shorten(name)
        try:
            document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
        except UnicodeDecodeError:
            refusal.add(where, "not UTF-8")
        except (ValueError, RecursionError) as broken:
            refusal.add(where, f"broken JSON: {_explain_json(broken)}")
        else:
            layer = reader.read(document, where=where, known=SEED_KEYS)
            if isinstance(document, dict):
                gathering.add(layer, where)
    return gathering.finish()


class _Gathering:
    """Gathers the clients of a fleet; whole only when nothing was refused."""

    def __init__(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self._clients: list[Wanted] = []
        self._owners: dict[str, str] = {}

    def add(self, layer: Layer, where: str) -> None:
        lacking = [key for key in (*NEEDED, "faqs") if key not in layer.given]
        for key in lacking:
            self._refusal.add(where, f"{key} is missing")
        number_id = layer.values.get("phone_number_id")
        if number_id in self._owners:
            owner = self._owners[number_id]
            self._refusal.add(where, f"phone_number_id {number_id} is that of {owner} already")
        elif number_id is not None:
            self._owners[number_id] = where
        if not self._refusal.count:
            self._clients.append(_build(layer, where))

    def finish(self) -> Fleet:
        self._refusal.raise_any()
        return Fleet(tuple(self._clients))


def _build(layer: Layer, where: str) -> Wanted:
    values = dict(layer.values)
    active = values.pop("active", True)
    return Wanted(where, validate(ClientSeed, values), active, layer.faqs)


def _decode(data: bytes, refusal: Refusal) -> str:
    if len(data) > MAX_FLEET_BYTES:
        refusal.stop(f"over {MAX_FLEET_BYTES >> 20} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        refusal.stop(f"not UTF-8: byte 0x{data[error.start]:02x} in line {line}")


def _load_toml(text: str, refusal: Refusal) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        refusal.stop("broken TOML: nested too deeply")
    except ValueError as error:
        if _is_json(text):
            refusal.stop("it is JSON, and a fleet is TOML, or a folder of a *.json for each client")
        refusal.stop(f"broken TOML{_explain_toml(str(error))}")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _explain_toml(message: str) -> str:
    found = _AT_LINE.fullmatch(message)
    if found is None:
        return f": {message}"
    return f" in line {found['line']}, column {found['column']}: {found['why']}"


def _find_tables(document: Mapping[str, Any], refusal: Refusal) -> Mapping[str, Any]:
    tables = document.get("templates", {})
    if isinstance(tables, dict):
        return tables
    refusal.add("", "templates are written as [templates.NAME]")
    return {}


def _find_entries(document: Mapping[str, Any], refusal: Refusal) -> list[Any]:
    """Find the clients. A file without any must say so: cut off or empty, it might end them all."""
    if "clients" not in document:
        refusal.add("", "there is no [[clients]]; for a fleet of none write: clients = []")
        return []
    entries = document["clients"]
    if isinstance(entries, list):
        return entries
    refusal.add("", "clients are written as [[clients]], a heading for each")
    return []


def _find_base(table: object, templates: Templates, where: str) -> Layer | None:
    if not isinstance(table, dict):
        return None
    if TEMPLATE_KEY not in table:
        return templates.defaults
    return templates.find(table[TEMPLATE_KEY], where=where, key=TEMPLATE_KEY)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {quote(twice)} stands there twice")
    return found


def _explain_json(broken: Exception) -> str:
    if isinstance(broken, json.JSONDecodeError):
        return f"{broken.msg.lower()} in line {broken.lineno}, column {broken.colno}"
    return "nested too deeply" if isinstance(broken, RecursionError) else str(broken)
