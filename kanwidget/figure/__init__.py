"""Pictures to keep: a session's state in lines and text, through matplotlib."""

from .canvas import Picture
from .draw import figure, png_preview, save

__all__ = ["Picture", "figure", "png_preview", "save"]
