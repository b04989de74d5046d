"""What tests of fleets share: files in memory, and a fleet from a few lines of TOML."""

from dataclasses import dataclass, field

from daemon.core.errors import Invalid
from daemon.core.faqs import Faq, parse_faqs
from daemon.core.fleet.reading import read_fleet
from daemon.core.fleet.wanted import Fleet

LUNA = """
[[clients]]
name = "Bar Luna"
phone_number = "+34666777888"
phone_number_id = "1"
faqs = [{ q = "¿Wifi?", a = "Sí." }]
"""

SOL = """
[[clients]]
name = "Bar Sol"
phone_number = "+34666777999"
phone_number_id = "2"
faqs = [{ q = "¿Wifi?", a = "No." }, { q = "¿Perros?", a = "En la terraza." }]
"""


@dataclass(slots=True)
class MemoryFiles:
    """Files by their path."""

    content: dict[str, bytes] = field(default_factory=dict)

    def read_faqs(self, path: str) -> tuple[Faq, ...]:
        return parse_faqs(self._get(path), source=path)

    def read_token(self, path: str) -> str:
        return self._get(path).decode().strip()

    def _get(self, path: str) -> bytes:
        if path not in self.content:
            raise Invalid(f"there is no file {path}.")
        return self.content[path]


def read(text: str | bytes, **content: bytes) -> Fleet:
    """Read a fleet whose files are named by their stem."""
    data = text if isinstance(text, bytes) else text.encode()
    return read_fleet(data, source="fleet.toml", files=MemoryFiles(content))
