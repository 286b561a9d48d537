"""Plain text for LaTeX: whatever is in it comes out as it is, under pdflatex and no packages."""

from __future__ import annotations

import unicodedata

__all__ = ["breakable", "literal"]

ASCII = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"$|$", '"': r"''", "-": "-{}", "`": r"\textasciigrave{}",
    "\n": " ", "\t": " ", "[": "{[}", "]": "{]}", "'": "'{}", "*": "{*}",
}  # fmt: skip
SIGNS = {
    "≥": r"$\geq$", "≤": r"$\leq$", "≠": r"$\neq$", "≈": r"$\approx$", "×": r"$\times$",
    "±": r"$\pm$", "·": r"$\cdot$", "−": "$-$", "→": r"$\to$", "←": r"$\leftarrow$",
    "⇒": r"$\Rightarrow$", "∞": r"$\infty$", "∈": r"$\in$", "√": r"$\surd$", "∑": r"$\sum$",
    "∏": r"$\prod$", "∂": r"$\partial$", "∇": r"$\nabla$", "∀": r"$\forall$", "∃": r"$\exists$",
    "∝": r"$\propto$", "⟨": r"$\langle$", "⟩": r"$\rangle$", "‖": r"$\|$", "∥": r"$\|$",
    "°": r"$^\circ$", "–": "--", "—": "---", "‘": "`{}", "’": "'{}", "“": "``", "”": "''",
    "…": r"\ldots{}", "§": r"\S{}", "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}",
    "Æ": r"\AE{}", "ł": r"\l{}", "Ł": r"\L{}", "\N{REPLACEMENT CHARACTER}": "?",
    "\N{NO-BREAK SPACE}": "~",
}  # fmt: skip
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega",
}  # fmt: skip
LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))  # drawn like these
VARIANTS = {
    "ε": r"$\varepsilon$", "φ": r"$\varphi$", "ς": r"$\varsigma$", "ϑ": r"$\vartheta$",
    "ϕ": r"$\phi$", "ϵ": r"$\epsilon$", "ϱ": r"$\varrho$", "ϖ": r"$\varpi$", **LATIN,
}  # fmt: skip
MADE = {
    "<super>": r"\textsuperscript{{{}}}", "<sub>": r"$_{{\mbox{{\scriptsize {}}}}}$",
    "<font>": "{}", "<compat>": "{}",
}  # fmt: skip


def literal(text: str) -> str:
    """The text as LaTeX that compiles; a sign that LaTeX has no name for becomes its number."""
    return "".join(_sign(c) for c in unicodedata.normalize("NFC", text))


def breakable(name: str) -> str:
    """A name that may be broken after each underscore."""
    return literal(name).replace(r"\_", r"\_\allowbreak{}")


def _sign(c: str) -> str:
    if c in ASCII:
        return ASCII[c]
    if " " <= c <= "~":
        return c
    return SIGNS.get(c) or VARIANTS.get(c) or _greek(c) or _composed(c) or f"[U+{ord(c):04X}]"


def _greek(c: str) -> str | None:
    """A Greek letter by its name in Unicode, which is its name in LaTeX."""
    kind, _, name = unicodedata.name(c, "").lower().rpartition(" letter ")
    name = name.replace("lamda", "lambda")
    if name not in GREEK or kind not in ("greek small", "greek capital"):
        return None
    return rf"$\{name.capitalize() if kind.endswith('capital') else name}$"


def _composed(c: str) -> str | None:
    """An accented letter, a raised or lowered one, or one of another font, by what it is made of.

    A combining accent that stands alone is put on nothing.
    """
    if c in ACCENTS:
        return rf"\{ACCENTS[c]}{{}}"
    kind, *codes = unicodedata.decomposition(c).split() or [""]
    if kind.startswith("<"):
        base = "".join(_sign(chr(int(code, 16))) for code in codes)
        return MADE[kind].format(base) if kind in MADE else None
    if len(codes) == 1 and (accent := ACCENTS.get(chr(int(codes[0], 16)))):
        return rf"\{accent}{{{_sign(chr(int(kind, 16)))}}}"
    return None
