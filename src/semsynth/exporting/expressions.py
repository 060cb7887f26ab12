"""Sizes of exported graphs: expressions of symbols and whole numbers, which torch hands to ``sympify``, an ``eval``.

They are parsed here first, in time linear in their length, and refused unless they are what exports write: symbols
such as ``s3``, small whole numbers, ``+``, ``-``, ``*``, ``//`` and ``%`` of them, comparisons, and calls of a few
functions.
"""

from __future__ import annotations

import re

MAX_LENGTH = 2000
"""Characters of an expression; those of our exports have some hundred."""
MAX_NESTED = 30
"""Brackets in one another."""
MAX_NUMBER = 2**31
"""The largest number that is written out."""
MAX_EXPONENT = 4
"""Of a power."""
MAX_BITS = 1024
"""Of what powers come to: powers of powers are otherwise a way to numbers of any length."""

_FUNCTIONS = frozenset(
    (
        "Integer",
        "Rational",
        "Symbol",
        "Add",
        "Mul",
        "Pow",
        "Mod",
        "PythonMod",
        "FloorDiv",
        "CleanDiv",
        "CeilToInt",
        "FloorToInt",
        "IntTrueDiv",
        "Max",
        "Min",
        "Eq",
        "Ne",
        "Lt",
        "Le",
        "Gt",
        "Ge",
    )
)
_OPERATORS = frozenset(("+", "-", "*", "/", "//", "%", "<", ">", "<=", ">=", "=="))
_TOKEN = re.compile(
    r" *(?:(?P<number>[0-9]+)(?!\w)|(?P<word>[A-Za-z][A-Za-z0-9]*)(?!\w)|'(?P<symbol>[su][0-9]+)'|"
    r"(?P<sign>\*\*|//|[<>=]=|[-+*/%<>(),=]))"
)
_SYMBOL = re.compile(r"[su][0-9]+")
_SYMBOL_BITS = 32
_ASSUMPTIONS = frozenset(("word", name) for name in ("positive", "nonnegative", "integer"))


def is_size(text: object) -> bool:
    """Whether ``text`` is an expression of sizes that may be handed to torch."""
    if not isinstance(text, str) or not 0 < len(text) <= MAX_LENGTH:
        return False
    try:
        _Parser(text).whole()
    except _WrongError:
        return False
    return True


class _WrongError(Exception):
    """No expression of sizes."""


class _Parser:
    """Recursive descent over tokens, each of which is looked at once; rules return how many bits a result needs."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at, place, end = 0, 0, len(text.rstrip(" "))
        while place < end:
            found = _TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                raise _WrongError
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def whole(self) -> None:
        self._expression(0)
        if self._at != len(self._tokens):
            raise _WrongError

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _took(self, sign: str) -> bool:
        taken = self._peek() == ("sign", sign)
        self._at += taken
        return taken

    def _expect(self, *tokens: tuple[str, str]) -> None:
        if any(self._next() != token for token in tokens):
            raise _WrongError

    def _expression(self, depth: int) -> int:
        """Operands between operators; which of them bind more tightly does not matter here."""
        bits = self._power(depth)
        while self._peek()[0] == "sign" and self._peek()[1] in _OPERATORS:
            self._next()
            bits += self._power(depth)
        return bits

    def _power(self, depth: int) -> int:
        while self._took("-"):
            pass
        bits = self._operand(depth)
        return self._limited(bits * self._number(MAX_EXPONENT)) if self._took("**") else bits

    def _operand(self, depth: int) -> int:
        if self._peek()[0] == "number":
            return self._number(MAX_NUMBER).bit_length()
        kind, text = self._next()
        if kind == "word" and _SYMBOL.fullmatch(text):
            return _SYMBOL_BITS
        if depth == MAX_NESTED:
            raise _WrongError
        if (kind, text) == ("sign", "("):
            bits = self._expression(depth + 1)
            self._expect(("sign", ")"))
            return bits
        if kind != "word" or text not in _FUNCTIONS:
            raise _WrongError
        self._expect(("sign", "("))
        return self._symbol() if text == "Symbol" else self._arguments(text, depth + 1)

    def _number(self, largest: int) -> int:
        kind, text = self._next()
        if kind != "number" or len(text) > len(str(MAX_NUMBER)) or int(text) > largest:
            raise _WrongError
        return int(text)

    def _arguments(self, name: str, depth: int) -> int:
        bits = self._expression(depth)
        while self._took(","):
            bits = self._limited(bits * self._exponent()) if name == "Pow" else bits + self._expression(depth)
        self._expect(("sign", ")"))
        return bits

    def _exponent(self) -> int:
        """A number, also as ``Integer(2)``."""
        wrapped = self._peek() == ("word", "Integer")
        if wrapped:
            self._expect(("word", "Integer"), ("sign", "("))
        self._took("-")
        number = self._number(MAX_EXPONENT)
        if wrapped:
            self._expect(("sign", ")"))
        return number

    def _symbol(self) -> int:
        """``'s3', positive=True, integer=True)``."""
        if self._next()[0] != "symbol":
            raise _WrongError
        while self._took(","):
            if self._next() not in _ASSUMPTIONS:
                raise _WrongError
            self._expect(("sign", "="), ("word", "True"))
        self._expect(("sign", ")"))
        return _SYMBOL_BITS

    def _limited(self, bits: int) -> int:
        if bits > MAX_BITS:
            raise _WrongError
        return bits
