"""Files of your own into the store: bars, trades, quotes, books, funding, actions, series, news."""

from peak_trade.data.imports.form import Form, Target
from peak_trade.data.imports.found import Import, Imported, Mend, joined
from peak_trade.data.imports.layouts import LAYOUTS, Layout
from peak_trade.data.imports.reading import (
    IMPORTED,
    import_file,
    import_parts,
    is_large,
    store_import,
)

__all__ = [
    "IMPORTED",
    "LAYOUTS",
    "Form",
    "Import",
    "Imported",
    "Layout",
    "Mend",
    "Target",
    "import_file",
    "import_parts",
    "is_large",
    "joined",
    "store_import",
]
