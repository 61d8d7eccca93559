"""An Altair chart as one inline SVG element."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import vl_convert

# Static SVG rather than the interactive bundle: no script to fail or to block, a tenth of the bytes, the same in print,
# and the page's own CSS colours it. The browser shows an SVG <title> as the tooltip of its mark, so these stay too.


def inline_svg(spec: dict[str, Any], *, description: str) -> str:
    """The SVG element of a Vega-Lite specification; ``description`` is what a screen reader says instead of it.

    Each mark with a ``description`` channel gets that text as its tooltip. Names of elements carry no namespace: inside
    HTML they need none.
    """
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        attributes = element.attrib
        label = attributes.get("aria-label")
        if label is not None and element.tag != "g":
            title = ElementTree.Element("title")
            title.text = label
            element.insert(0, title)
            # A text element's characters come before its children.
            title.tail, element.text = element.text, None
        for name in [name for name in attributes if name in {"class", "role", "version"} or name.startswith("aria-")]:
            del attributes[name]
    root.attrib |= {"class": "chart", "role": "img", "aria-label": description}
    return ElementTree.tostring(root, encoding="unicode")
