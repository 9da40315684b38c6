"""Libraries that cannot be installed beside the others: each is in a folder of its own.

`make setup` puts them into ``.venv/rivals``; the variable RIVALS names another place. Without:

    pip install --no-deps --target $RIVALS/pykan==0.0.1 pykan==0.0.1
    pip install --no-deps --target $RIVALS/kan-gpt==1.2.0 kan-gpt==1.2.0
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(os.environ.get("RIVALS", Path(sys.prefix) / "rivals"))


def load(requirement: str, path: str, name: str) -> ModuleType:
    """Import a package from its folder under another name, or skip the tests that need it."""
    init = FOLDER / requirement / path / "__init__.py"
    if not init.exists():
        pytest.skip(f"{requirement} is not in {FOLDER}", allow_module_level=True)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        name, init, submodule_search_locations=[str(init.parent)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
