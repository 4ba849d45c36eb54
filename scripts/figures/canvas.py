"""The visual language of the figures: what an input, a state, a weight and an arrow look like.

Inputs are grey with square corners, states blue with round ones, cell states green with half-circles at the ends and
a thick lane, predictions orange with a second outline, weights white, gates circles filled by value; gradients are red
and dashed. Hue is never the only cue: shape, outline and a label say the same, so that a figure reads in grey. Every
figure stands on a light card of its own and therefore reads on a dark page.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]

INK = "#222222"
QUIET = "#5a5a5a"
CARD = "#fbfaf7"
FONT = "'DejaVu Sans', Verdana, Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Kind:
    """How one sort of thing is drawn wherever it appears."""

    fill: str
    line: str
    corner: float = 0  # radius
    double: bool = False  # a second outline inside the first
    dash: str = ""


INPUT = Kind("#dcdcdc", "#4d4d4d")
STATE = Kind("#cbdff7", "#1f5fa8", corner=10)
CELL = Kind("#cdeccf", "#1d6b2f", corner=27)
CANDIDATE = Kind("#e6f5e7", "#1d6b2f", corner=3)
PREDICTION = Kind("#fcdcbd", "#a84e00", corner=4, double=True)
WEIGHT = Kind("#ffffff", "#222222", corner=3)
GATE = Kind("#ffffff", "#5b3f8c")
FILLING = "#d3c6ea"  # of a gate
GRADIENT = Kind("#fde6e2", "#b3261e", corner=6, dash="7 4")
PLAIN = Kind("#ffffff", "#8a8a8a", corner=3)
FRAME = Kind("#f1eee6", "#8a8477", corner=16)
MARK = Kind("none", "#222222", corner=8, dash="6 4")

# a_{1}^{<t>}: what stands in braces after _ or ^ is lowered or raised
_SCRIPTS = re.compile(r"([_^])\{([^}]*)\}")


def rich(text: str, size: float) -> str:
    """Return `text` as SVG, with ``_{...}`` lowered, ``^{...}`` raised, and ``<t>`` in true angle brackets."""
    text = re.sub(r"<([^<>]*)>", "\u27e8\\1\u27e9", text).replace("-", "\u2212")
    pieces, last = [], 0
    for match in _SCRIPTS.finditer(text):
        shift = size * (0.28 if match[1] == "_" else -0.38)
        pieces.append(html.escape(text[last : match.start()]))
        pieces.append(
            f'<tspan dy="{shift:.1f}" font-size="{0.72 * size:.1f}">{html.escape(match[2])}</tspan>'
            f'<tspan dy="{-shift:.1f}">\u200b</tspan>'  # back to the line, for whatever follows
        )
        last = match.end()
    pieces.append(html.escape(text[last:]))
    return "".join(pieces)


@dataclass
class Canvas:
    """One figure in the making.

    Attributes
    ----------
    width, height : int
        Size of the card.
    title, desc : str
        The figure's name and content in words, for those who cannot see it.
    """

    width: int
    height: int
    title: str
    desc: str
    parts: list[str] = field(default_factory=list)

    def text(
        self, at: Point, words: str, *, size: float = 16, anchor: str = "middle", bold: bool = False, color: str = INK
    ) -> None:
        """Write one line; `at` is the middle of its height, and its start, middle or end by `anchor`."""
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{at[0]:g}" y="{at[1] + 0.35 * size:g}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="{color}"{weight}>{rich(words, size)}</text>'
        )

    def code(self, at: Point, words: str, *, size: float = 14, anchor: str = "middle", color: str = INK) -> None:
        """Write one line of code as it stands, in a typewriter face."""
        self.parts.append(
            f'<text x="{at[0]:g}" y="{at[1] + 0.35 * size:g}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="{color}" font-family="\'DejaVu Sans Mono\', Menlo, Consolas, monospace">{html.escape(words)}</text>'
        )

    def box(self, corner: Point, size: Point, kind: Kind, label: str = "", *, text_size: float = 18) -> None:
        """Draw a rectangle from its upper left corner, with its label in the middle."""
        (x, y), (w, h) = corner, size
        dash = f' stroke-dasharray="{kind.dash}"' if kind.dash else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{kind.corner:g}" fill="{kind.fill}" '
            f'stroke="{kind.line}" stroke-width="2"{dash}/>'
        )
        if kind.double:
            self.parts.append(
                f'<rect x="{x + 4:g}" y="{y + 4:g}" width="{w - 8:g}" height="{h - 8:g}" rx="{kind.corner:g}" '
                f'fill="none" stroke="{kind.line}" stroke-width="1"/>'
            )
        if label:
            self.text((x + w / 2, y + h / 2), label, size=text_size)

    def circle(self, centre: Point, radius: float, kind: Kind, label: str = "", *, text_size: float = 18) -> None:
        """Draw a circle with its label in the middle."""
        self.parts.append(
            f'<circle cx="{centre[0]:g}" cy="{centre[1]:g}" r="{radius:g}" fill="{kind.fill}" stroke="{kind.line}" '
            'stroke-width="2"/>'
        )
        if label:
            self.text(centre, label, size=text_size)

    def gate(self, centre: Point, radius: float, value: float, label: str = "", *, text_size: float = 20) -> None:
        """Draw a gate: a circle filled from below, as a glass is, up to its value between 0 and 1."""
        (x, y), level = centre, radius * (1 - 2 * value)  # level: the filling's surface, below the centre
        half = (radius**2 - level**2) ** 0.5
        large = int(value > 0.5)
        self.circle(centre, radius, Kind(FILLING if value >= 1 else GATE.fill, "none"))  # a full turn is no arc
        self.parts.append(
            f'<path d="M {x - half:.1f} {y + level:.1f} A {radius:g} {radius:g} 0 {large} 0 {x + half:.1f} '
            f'{y + level:.1f} Z" fill="{FILLING}"/>'
        )
        self.circle(centre, radius, Kind("none", GATE.line), label, text_size=text_size)

    def times(self, centre: Point, radius: float = 19) -> None:
        """Draw the node of a product entry by entry: a circle with the star that numpy writes."""
        (x, y), arm = centre, 0.5 * radius
        self.circle(centre, radius, PLAIN)
        for dx, dy in ((0, 1), (0.866, 0.5), (0.866, -0.5)):
            self.line([(x - arm * dx, y - arm * dy), (x + arm * dx, y + arm * dy)], width=2.6)

    def plus(self, centre: Point, radius: float = 19) -> None:
        """Draw the node of a sum."""
        (x, y), arm = centre, 0.52 * radius
        self.circle(centre, radius, PLAIN)
        self.line([(x - arm, y), (x + arm, y)], width=2.6)
        self.line([(x, y - arm), (x, y + arm)], width=2.6)

    def dot(self, centre: Point, color: str = INK) -> None:
        """Draw the point where one line becomes two."""
        self.circle(centre, 4, Kind(color, color))

    def back(self, points: Sequence[Point], *, width: float = 2.5) -> None:
        """Draw the way of a gradient: a red, dashed arrow."""
        self.arrow(points, color=GRADIENT.line, width=width, dash="7 4")

    def polygon(self, points: Sequence[Point], kind: Kind) -> None:
        """Draw a closed, filled outline."""
        corners = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(
            f'<polygon points="{corners}" fill="{kind.fill}" stroke="{kind.line}" stroke-width="1.5" '
            'stroke-linejoin="round"/>'
        )

    def line(self, points: Sequence[Point], *, color: str = INK, width: float = 2, dash: str = "") -> None:
        """Draw straight lines from point to point."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width:g}" '
            f'stroke-linejoin="round"{dashes}/>'
        )

    def arrow(self, points: Sequence[Point], *, color: str = INK, width: float = 2, dash: str = "") -> None:
        """Draw straight lines from point to point, and a head at the last one."""
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        head, half = 9 + width, 3.5 + width / 2
        bx, by = x1 - head * ux, y1 - head * uy  # where the head begins
        self.line([*points[:-1], (bx, by)], color=color, width=width, dash=dash)
        corners = ((x1, y1), (bx - half * uy, by + half * ux), (bx + half * uy, by - half * ux))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        self.parts.append(f'<polygon points="{path}" fill="{color}"/>')

    def grid(self, corner: Point, rows: int, columns: int, unit: float, kind: Kind) -> None:
        """Draw a matrix to scale, one small square per entry."""
        (x, y), w, h = corner, columns * unit, rows * unit
        self.box(corner, (w, h), Kind(kind.fill, kind.line))
        for k in range(1, columns):
            self.line([(x + k * unit, y), (x + k * unit, y + h)], color=kind.line, width=0.7)
        for k in range(1, rows):
            self.line([(x, y + k * unit), (x + w, y + k * unit)], color=kind.line, width=0.7)

    def svg(self) -> str:
        """Return the finished figure."""
        body = "\n  ".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-labelledby="title desc" font-family="{FONT}">\n'
            f'  <title id="title">{html.escape(self.title)}</title>\n'
            f'  <desc id="desc">{html.escape(self.desc)}</desc>\n'
            f'  <rect x="1" y="1" width="{self.width - 2}" height="{self.height - 2}" rx="12" fill="{CARD}" '
            'stroke="#cfcabd" stroke-width="1.5"/>\n'
            f"  {body}\n</svg>\n"
        )
