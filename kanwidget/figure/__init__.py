"""Pictures to keep: a session's state in lines and text, through matplotlib."""

from .canvas import Picture
from .draw import figure, png_preview, save
from .runs import runs_figure

__all__ = ["Picture", "figure", "png_preview", "runs_figure", "save"]
