"""Pictures of one setup: a `Trace` drawn by matplotlib, each with its numbers in a table.

>>> sorted(PICTURES)
['activations', 'alignment', 'comparison', 'correlations', 'losses']
"""

from mrpcheck.figures.gallery import PICTURES, draw, names, numbers
from mrpcheck.figures.intervals import interval, interval_words
from mrpcheck.figures.phases import diagram_numbers, phase_diagram
from mrpcheck.figures.sheets import sheet
from mrpcheck.figures.writing import save, svg

__all__ = [
    "PICTURES",
    "diagram_numbers",
    "draw",
    "interval",
    "interval_words",
    "names",
    "numbers",
    "phase_diagram",
    "save",
    "sheet",
    "svg",
]
