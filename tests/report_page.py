"""A report page as a reader without eyes for charts has it: its tables, links and text."""

from __future__ import annotations

from html.parser import HTMLParser


class ReportPage(HTMLParser):
    """`tables[campaign][caption]`: rows by column label, values unformatted; `text`: what is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, list[dict[str, object]]]] = {}
        self.headings: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._campaign = self._caption = ""
        self._labels: list[str] = []
        self._cells: list[object] = []
        self._in_body = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._open.append(tag)
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag in ("h2", "h3"):
            self.headings.append("")
        if tag == "caption":
            self._caption = ""
        if tag == "thead":
            self._labels = []
        if tag in ("tbody", "thead"):
            self._in_body = tag == "tbody"
        if tag == "tr":
            self._cells = []
        if tag in ("th", "td"):
            self._cells.append("")
        if tag in ("data", "time") and self._in_body and self._cells:
            self._cells[-1] = given.get("value") or given.get("datetime")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag == "h2":
            self._campaign = self.headings[-1]
        if tag == "tr" and not self._in_body:
            self._labels = [str(cell) for cell in self._cells]
        elif tag == "tr":
            row = dict(zip(self._labels, self._cells, strict=True))
            self.tables.setdefault(self._campaign, {}).setdefault(self._caption, []).append(row)

    def handle_data(self, data: str) -> None:
        inside = set(self._open)
        if inside & {"script", "style"}:
            return
        self.text += data
        if inside & {"h2", "h3"}:
            self.headings[-1] += data
        if "caption" in inside:
            self._caption += data
        if inside & {"th", "td"} and not inside & {"data", "time"}:
            self._cells[-1] = str(self._cells[-1]) + data
