"""The page: templates, scripts, styles and what serves them."""

from api.ui.pages import add_pages

__all__ = ["add_pages"]
