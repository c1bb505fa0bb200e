"""What a linked firmware says of itself: sizes of sections, addresses of symbols, what is loaded where."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CODE, WEIGHTS, VALUES, ZEROS = (f".package.{name}" for name in ("text", "rodata", "data", "bss"))


@dataclass(frozen=True)
class Function:
    """A function of the firmware; `address` is that of its first instruction."""

    name: str
    address: int
    bytes: int


@dataclass(frozen=True)
class Segment:
    """Bytes that are loaded at an address."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Elf:
    """A firmware file, read. `sections` are bytes by name; symbols are addresses by name, without the Thumb bit."""

    sections: Mapping[str, int]
    symbols: Mapping[str, int]
    functions: tuple[Function, ...]
    segments: tuple[Segment, ...]
    code_end: int

    @property
    def code_bytes(self) -> int:
        """Instructions of the package with what it uses of the compiler's libraries."""
        return self.sections.get(CODE, 0)

    @property
    def weights_bytes(self) -> int:
        """Its constants, and the first values of its variables."""
        return self.sections.get(WEIGHTS, 0) + self.sections.get(VALUES, 0)

    @property
    def static_bytes(self) -> int:
        """Its variables, its arena among them."""
        return self.sections.get(ZEROS, 0) + self.sections.get(VALUES, 0)

    def place(self, address: int) -> str:
        """`function+0x12`, for people."""
        for function in self.functions:
            if function.address <= address < function.address + max(function.bytes, 2):
                return f"{function.name}+{address - function.address:#x}"
        return f"{address:#010x}"


def read_elf(path: Path) -> Elf:
    """Reads an ELF file that a linker wrote by `firmware/link.ld`."""
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf = ELFFile(file)
        loaded = [segment for segment in elf.iter_segments("PT_LOAD") if segment["p_filesz"]]
        functions, symbols = [], {}
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            address = symbol["st_value"]
            if symbol["st_info"]["type"] == "STT_FUNC":
                address &= ~1
                functions.append(Function(symbol.name, address, symbol["st_size"]))
            symbols[symbol.name] = address
        sections = {section.name: section["sh_size"] for section in elf.iter_sections()}
        code_end = max(section["sh_addr"] + section["sh_size"] for section in elf.iter_sections() if _is_code(section))
        return Elf(
            sections,
            symbols,
            tuple(functions),
            tuple(Segment(segment["p_paddr"], segment.data()) for segment in loaded),
            code_end,
        )


def _is_code(section: object) -> bool:
    name: str = section.name  # type: ignore[attr-defined]
    return name.startswith((".vectors", ".harness.text", ".package.text", ".package.rodata", ".ARM.ex"))
