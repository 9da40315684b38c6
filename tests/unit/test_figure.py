"""Pictures to keep: what they show, and what making them leaves alone."""

from __future__ import annotations

import base64
import io
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.textpath import text_to_path
from PIL import Image
from products import Products, ProductsAdapter
from torch import Tensor

from kanwidget import KAN, KANWidget, PruningSession
from kanwidget.figure import figure, png_preview, save
from kanwidget.figure.draw import MAX_PREVIEW_CHARACTERS
from kanwidget.figure.text import Run, fit, mathtext, measure, plain_text, runs_of
from kanwidget.session import step_applier

SVG = "{http://www.w3.org/2000/svg}"
Groups = dict[str, ElementTree.Element]


@pytest.fixture
def session(model: KAN, dataset: dict[str, Tensor]) -> Iterator[PruningSession]:
    with PruningSession(model, dataset) as session:
        yield session


@pytest.fixture
def widget(model: KAN, dataset: dict[str, Tensor]) -> Iterator[KANWidget]:
    w = KANWidget(model, dataset)
    yield w
    w.close()


def svg(made: Figure) -> ElementTree.Element:
    buffer = io.BytesIO()
    made.savefig(buffer, format="svg")
    return ElementTree.fromstring(buffer.getvalue())


def groups(made: Figure) -> Groups:
    return {g.get("id", ""): g for g in svg(made).iter(f"{SVG}g")}


def texts(made: Figure) -> list[str]:
    return ["".join(text.itertext()).strip() for text in svg(made).iter(f"{SVG}text")]


def names_of(found: Groups, kind: str) -> set[str]:
    return {name.removeprefix(f"{kind}-") for name in found if name.startswith(f"{kind}-")}


def test_an_svg_is_valid_and_its_text_is_text(session: PruningSession) -> None:
    made = figure(session, ["x_1", "house_age"], ["f(x)"], title="A <title> & $5")
    written = texts(made)
    assert {"house_age", "f(x)", "A <title> & $5"} <= set(written)
    assert any(re.fullmatch(r"x\s*1", text) for text in written)
    assert not list(svg(made).iter(f"{SVG}use")), "text became outlines"
    assert not list(svg(made).iter(f"{SVG}image")), "lines became pixels"


def test_every_edge_that_is_on_has_its_curve_and_no_other(session: PruningSession) -> None:
    session.remove_edge(0, 1, 2)
    session.remove_node(1, 4)
    on = {
        f"{l}-{i}-{j}" for l, layer in enumerate(session.mask) for j, i in layer.nonzero().tolist()
    }
    assert len(on) == session.active_edges < 15
    for removed in ("faint", "hidden"):
        found = groups(figure(session, removed=removed))
        assert names_of(found, "curve") == names_of(found, "line") == on
        assert ("off" in found) == (removed == "faint")
    assert "node-6" not in groups(figure(session, removed="hidden"))


def test_what_is_off_is_one_shape_fainter_than_the_weakest_edge_that_is_on(
    session: PruningSession,
) -> None:
    assert "off" not in groups(figure(session))
    for switch_off in (
        lambda: session.set(edge_threshold=float(session.scores[0].median())),
        lambda: session.remove_edge(0, 0, 0),
    ):
        session.reset()
        switch_off()
        artists = {artist.get_gid(): artist for artist in figure(session).get_children()}
        ink = {
            name: artist.get_linewidth() * (artist.get_alpha() or 1)
            for name, artist in artists.items()
            if name and (name == "off" or name.startswith("line-"))
        }
        assert ink.pop("off") < min(ink.values()) / 4


def test_pdf_and_png_are_what_they_say(session: PruningSession, tmp_path: Path) -> None:
    save(figure(session, ["apples", "pears"]), tmp_path / "a.pdf")
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf  # journals refuse it, and it cannot be edited
    assert b"/FontFile2" in pdf
    save(figure(session, width=4.0), tmp_path / "a.PNG", dpi=150)
    with Image.open(tmp_path / "a.PNG") as image:
        assert image.width == 600
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_one_state_gives_one_file(session: PruningSession, tmp_path: Path) -> None:
    for suffix in ("svg", "pdf", "png"):
        contents = []
        for name in ("one", "other"):
            path = tmp_path / f"{name}.{suffix}"
            save(figure(session), path)
            contents.append(path.read_bytes())
        assert contents[0] == contents[1], suffix


def test_saving_leaves_everything_else_alone(
    widget: KANWidget, model: KAN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    widget.remove_edge(0, 0, 1)
    settings, steps = dict(mpl.rcParams), len(widget.session.history.commands)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    traits = widget.page_state()
    for suffix in ("svg", "png", "pdf"):
        widget.save_image(f"picture.{suffix}", title="kept")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "picture.pdf",
        "picture.png",
        "picture.svg",
    ]
    assert dict(mpl.rcParams) == settings
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random[0])
    assert (np.random.get_state()[1] == random[1]).all()  # noqa: NPY002
    assert widget.page_state() == traits
    assert len(widget.session.history.commands) == steps


def test_dark_settings_still_give_a_light_picture(session: PruningSession, tmp_path: Path) -> None:
    dark = {"figure.facecolor": "black", "savefig.facecolor": "black", "text.color": "white"}
    with mpl.rc_context(dark | {"savefig.bbox": "tight", "svg.fonttype": "path"}):
        made = figure(session, width=5.0)
        made.savefig(tmp_path / "a.png", dpi=100)
        assert texts(made)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 500
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_products_and_formulas_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_applier, "adapt", ProductsAdapter)
    monkeypatch.setattr(ProductsAdapter, "symbolic", lambda self: {(0, 0, 1): "x^2"})
    with PruningSession(Products([2, 2, 1], [[0, 0, 1], [0]])) as session:  # type: ignore[arg-type]
        for orientation in ("right", "up"):
            made = figure(session, orientation=orientation)
            found = groups(made)
            assert len(names_of(found, "curve")) == 8
            assert "formula-0-0-1" in found
            assert "#c04a00" in ElementTree.tostring(found["curve-0-0-1"], "unicode")
            assert "#c04a00" not in ElementTree.tostring(found["curve-0-1-1"], "unicode")


@pytest.mark.parametrize("shape", [(), (8, 8)])
def test_a_wide_network_is_a_matrix_of_cells_for_each_layer(
    random_kan: Callable[..., KAN], shape: tuple[int, ...], tmp_path: Path
) -> None:
    with PruningSession(random_kan([64, 40, 3], seed=0)) as session:
        session.set(edge_threshold=float(session.scores[0].median()))
        made = figure(session, input_shape=shape)
        images = list(svg(made).iter(f"{SVG}image"))
        assert len(images) == 2
        link = next(value for key, value in images[0].attrib.items() if key.endswith("href"))
        pixels = np.asarray(
            Image.open(io.BytesIO(base64.b64decode(link.partition(",")[2]))).convert("RGB")
        )
        # A pixel for each edge in the file, however small the page.
        assert pixels.size // 3 == (
            64 * 40 if not shape else 6 * 9 * 7 * 9 - 9 * 6 - 9 * 7 + 1
        ) or (shape and pixels.shape[:2] == (6 * 9 - 1, 7 * 9 - 1))
        # On: neither white nor the pale blue of what a threshold took.
        on = (pixels != 255).any(2) & (pixels != (204, 227, 240)).any(2)
        assert on.sum() == pytest.approx(int(session.mask[0].sum()), rel=0.02)
        assert f"{int(session.mask[0].sum()):,} of 2,560 on" in " ".join(texts(made))
        drawn = groups(figure(session, view="network"))
        assert "lines" in drawn


def test_rows_and_columns_without_an_edge_are_folded_and_give_their_room_to_the_others(
    random_kan: Callable[..., KAN],
) -> None:
    model = random_kan([12, 20, 3], seed=0)
    with PruningSession(model) as session:
        before = groups(figure(session, view="matrix"))
        for node in ((0, 2), (0, 7), (1, 0), (1, 5), (2, 1)):
            session.remove_node(*node)
        made = groups(figure(session, view="matrix"))
        folds = {"row-0-2", "row-0-7", "column-0-0", "column-0-5"}
        folds |= {"row-1-0", "row-1-5", "column-1-1"}
        assert names_of(made, "folded") == folds
        assert {"in-1", "in-3", "out-0", "out-2"} <= set(made)
        assert not {"in-2", "in-7", "out-1"} & set(made)
        assert len(names_of(made, "curve")) == 10 * 18 + 18 * 2
        # What is off in a row that is not folded is a dot.
        assert not names_of(made, "off")
        session.remove_edge(0, 1, 1)
        assert names_of(groups(figure(session, view="matrix")), "off") == {"0-1-1"}
        hidden = groups(figure(session, view="matrix", removed="hidden"))
        assert not names_of(hidden, "folded") | names_of(hidden, "off")

    def across(found: dict[str, ElementTree.Element]) -> float:
        xs = [
            float(x)
            for path in found["curve-0-1-3"].iter(f"{SVG}path")
            for x in re.findall(r"[ML] (-?[\d.]+)", path.attrib["d"])
        ]
        return max(xs) - min(xs)

    assert across(made) > 1.05 * across(before)


def test_folded_rows_of_small_cells_are_thin_stripes_of_the_image(
    random_kan: Callable[..., KAN],
) -> None:
    with PruningSession(random_kan([40, 40, 2], seed=0)) as session:
        for i in range(10):
            session.remove_node(0, i)
        (image, *_) = svg(figure(session, width=14, view="matrix")).iter(f"{SVG}image")
        link = next(value for key, value in image.attrib.items() if key.endswith("href"))
        pixels = Image.open(io.BytesIO(base64.b64decode(link.partition(",")[2])))
        assert pixels.size == (40, 10 + 30 * 8)


def test_names_become_scripts_or_stay_as_they_are() -> None:
    hostile = [
        "$",
        "x_",
        "^2",
        "a$b$c",
        r"\frac{",
        "{}",
        "x_{1",
        "%",
        "#",
        "&<>",
        "a\nb",
        "",
        "日本",
    ]
    for name in hostile:
        assert "".join(run.text for run in runs_of(name)) == name.replace("\n", " ")
    assert [tuple(run) for run in runs_of("x_{10}")] == [("x", ""), ("10", "_")]
    assert [tuple(run) for run in runs_of(r"$\alpha$_2"[:8])] == [("α", "")]
    assert mathtext(runs_of("house_age")) is None
    assert mathtext(runs_of("length_m")) is None
    assert [tuple(run) for run in runs_of("v_x")] == [("v", ""), ("x", "_")]


@pytest.mark.parametrize("name", ["long name " * 400, "x_1 " * 1000, "W" * 4000])
def test_a_name_of_thousands_of_characters_is_shortened_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = KAN([12, 3, 1], seed=0)
    model(torch.rand(20, 12, generator=torch.Generator().manual_seed(0)))
    names = [f"{k} {name}" for k in range(12)]
    measured: list[int] = []
    real = text_to_path.get_text_width_height_descent

    def count(text: str, font: Any, is_math: bool) -> Any:
        measured.append(len(text))
        return real(text, font, is_math)

    monkeypatch.setattr(text_to_path, "get_text_width_height_descent", count)
    with PruningSession(model) as session:
        made = figure(session, names)
    assert 0 < sum(measured) < sum(map(len, names))
    shown = [text.get_text() for text in made.texts]
    assert all(
        any(text.startswith(f"{k} ") and text.endswith("…") for text in shown) for k in range(12)
    )
    # As much of it as there is room for.
    short = fit(runs_of(names[0]), 150.0)
    more = (Run(names[0][: len(plain_text(short))] + "…", ""),)
    assert measure(short) <= 150 < measure(more)


LONG = ["worst radius of the nucleus", "age_of_the_patient", "crème brûlée", "x_1"]


@pytest.mark.parametrize("removed", ["faint", "hidden"])
@pytest.mark.parametrize("orientation", ["right", "up"])
@pytest.mark.parametrize("view", ["network", "matrix"])
@pytest.mark.parametrize("width", [3.3, 7.0])
@pytest.mark.parametrize("outputs", [["log odds of malignant tumours"], list("0123456789"), LONG])
def test_no_text_is_cut_or_written_over_another(
    outputs: list[str], width: float, view: str, orientation: str, removed: str
) -> None:
    rows = torch.rand(30, 4, generator=torch.Generator().manual_seed(0))
    with PruningSession(KAN([4, 10, 5, len(outputs)], seed=0, noise_scale=1.0), rows) as session:
        session.set(edge_threshold=float(session.scores[1].median()))
        options = {"view": view, "orientation": orientation, "removed": removed}
        made = figure(session, LONG, outputs, width=width, title="A title " * 20, **options)
    made.canvas.draw()
    page, areas = made.bbox, [(t.get_text(), t.get_window_extent()) for t in made.texts]
    assert len(areas) >= 5
    for n, (text, area) in enumerate(areas):
        assert page.x0 <= area.x0 < area.x1 <= page.x1, text
        assert page.y0 <= area.y0 < area.y1 <= page.y1, text
        for other, place in areas[:n]:
            assert not area.overlaps(place), (text, other)


def test_names_of_an_upright_network_are_all_there_though_they_are_long() -> None:
    names = [f"Feature {letter}" for letter in "abcdefghijklm"]
    rows = torch.rand(30, 13, generator=torch.Generator().manual_seed(0))
    with PruningSession(KAN([13, 1], seed=0, noise_scale=1.0), rows) as session:
        made = figure(session, names, orientation="up", width=7.0)
    made.canvas.draw()
    found = {text.get_text(): text.get_window_extent() for text in made.texts}
    assert set(names) <= set(found)
    areas = list(found.values())
    for n, area in enumerate(areas):
        assert made.bbox.x0 <= area.x0 < area.x1 <= made.bbox.x1
        assert not any(area.overlaps(other) for other in areas[:n])


def test_a_name_is_whole_where_there_is_free_room_beside_the_network(
    session: PruningSession,
) -> None:
    name = "a rather long name of an input that goes on"
    assert name in texts(figure(session, [name, "x_2"], width=16.0))
    assert name not in texts(figure(session, [name, "x_2"], width=5.0))


def test_curves_that_have_no_room_are_counted() -> None:
    rows = torch.rand(30, 40, generator=torch.Generator().manual_seed(0))
    with PruningSession(KAN([40, 9, 1], seed=0, noise_scale=1.0), rows) as session:
        made = figure(session, view="network")
        curves = len(names_of(groups(made), "curve"))
        (note,) = [text for text in texts(made) if "curves" in text]
        assert note.startswith(f"The curves of the {curves} strongest of 369 edges are drawn")
        made.canvas.draw()
        places = [text.get_window_extent() for text in made.texts]
        assert all(area.y0 >= made.bbox.y0 for area in places)
        assert not any(a.overlaps(b) for n, a in enumerate(places) for b in places[:n])
        for j in range(1, 9):
            session.remove_node(1, j)
        assert not any("curves" in text for text in texts(figure(session, view="network")))


@pytest.mark.parametrize("width", [[14, 25, 3], [15, 14, 2]])
def test_in_a_crowd_no_line_is_fainter_than_that_of_a_weaker_edge(width: list[int]) -> None:
    rows = torch.rand(30, width[0], generator=torch.Generator().manual_seed(0))
    with PruningSession(KAN(width, seed=0, noise_scale=1.0), rows) as session:
        artists = {a.get_gid(): a for a in figure(session, view="network").get_children()}
        inks = {
            name: artist.get_linewidth() * artist.get_alpha()
            for name, artist in artists.items()
            if name and name.startswith("line")
        }
        boxed = {
            name.replace("box", "line") for name in artists if name and name.startswith("box-")
        }
        assert 150 < len(boxed) < width[0] * width[1] + width[1] * width[2]
        for l, scores in enumerate(session.scores):
            edges = [(j, i) for i in range(width[l]) for j in range(width[l + 1])]
            edges.sort(key=lambda edge, scores=scores: float(scores[edge]))
            names = [f"line-{l}-{i}-{j}" for j, i in edges]
            found = [inks[name] for name in names if name in boxed]
            assert found == sorted(found)
        assert max(inks[name] for name in inks if name not in boxed) <= min(
            inks[name] for name in boxed
        )


@pytest.mark.parametrize("width", [1.5, 3.3, 7.0])
@pytest.mark.parametrize("view", ["network", "matrix"])
def test_a_narrow_figure_is_as_narrow_as_asked_for(view: str, width: float, tmp_path: Path) -> None:
    rows = torch.rand(30, 12, generator=torch.Generator().manual_seed(0))
    with PruningSession(KAN([12, 4, 10], seed=0), rows) as session:
        made = figure(session, out_vars=[f"digit {k}" for k in range(10)], width=width, view=view)
        save(made, tmp_path / "a.pdf")
        assert made.get_figwidth() == width
        assert any(text.startswith("di") for text in texts(made))


def test_what_is_hidden_takes_no_room_and_leaves_no_line_in_the_void(
    session: PruningSession,
) -> None:
    whole = figure(session, width=3.3)
    assert figure(session, width=3.3, removed="hidden").get_figheight() == pytest.approx(
        whole.get_figheight(), rel=0.02
    )
    for i in (0, 1, 3, 4):
        session.remove_node(1, i)
    few = figure(session, width=3.3, removed="hidden", title="three curves")
    # As on the canvas: what is off stays beside what is on, and does not keep it apart.
    assert figure(session, width=3.3).get_figheight() < 0.65 * whole.get_figheight()
    assert few.get_figheight() < 0.65 * whole.get_figheight()
    few.canvas.draw()
    for artist in [*few.patches, *few.texts]:
        area = artist.get_window_extent()
        assert few.bbox.y0 <= area.y0 <= area.y1 <= few.bbox.y1, artist

    # Nothing comes out of this node, and still something leads there.
    session.restore_node(1, 0)
    session.remove_edge(1, 0, 0)
    found = groups(figure(session, removed="hidden"))
    assert {"line-0-0-0", "node-2"} <= set(found)
    assert "node-3" not in found


@pytest.mark.parametrize(
    "name",
    [
        "$",
        "a$b$c",
        r"\frac{",
        "x_{1",
        "100 %_1",
        "a & b_2",
        "#^2",
        "~x_1",
        "a'b_3",
        "\x00_1",
        "\ud800_1",
    ],
)
def test_any_name_can_be_drawn(session: PruningSession, name: str, tmp_path: Path) -> None:
    made = figure(session, [name, "y"], [name], title=name)
    save(made, tmp_path / "a.png", dpi=50)
    assert len(texts(made)) >= 3  # and the SVG is one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"removed": "gone"}, "removed must be one of 'faint', 'hidden'"),
        ({"orientation": "left"}, "orientation"),
        ({"view": "best"}, "view"),
        ({"width": 0}, "width must be above 0"),
        ({"width": float("nan")}, "width"),
        ({"in_vars": ["x"]}, "in_vars must hold 2 names"),
        ({"input_shape": (2, 2)}, "does not hold the 2 inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(
    session: PruningSession, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        figure(session, **options)


def test_another_suffix_is_refused_and_nothing_is_written(
    widget: KANWidget, tmp_path: Path
) -> None:
    for name in ("a.jpg", "a", "svg"):
        with pytest.raises(ValueError, match=r"ends in \.svg, \.png, \.pdf"):
            widget.save_image(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_closed_widget_says_so(widget: KANWidget) -> None:
    widget.close()
    with pytest.raises(RuntimeError, match="closed"):
        widget.figure()


def test_a_notebook_keeps_a_picture_beside_the_live_view(widget: KANWidget) -> None:
    widget.remove_edge(0, 0, 1)
    data, metadata = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert data["text/plain"] == repr(widget) == "KANWidget([2, 5, 1], 14 of 15 edges on)"
    assert len(data["image/png"]) < 120_000
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        shown = metadata["image/png"]
        # Some matplotlibs round half a pixel up, and some down.
        assert shown == {"width": round(image.width / 1.5), "height": round(image.height / 1.5)}
        colours = image.convert("RGB").getcolors(1 << 20)
    assert max(colours)[1] == (255, 255, 255)
    assert len(colours) > 4


def test_a_picture_that_would_be_heavy_or_fails_is_left_out(
    widget: KANWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (700, 700, 3), np.uint8))

    class Heavy:
        def png(self, scale: float) -> tuple[bytes, dict[str, int]]:
            buffer = io.BytesIO()
            noise.resize((int(200 * scale**4), 200)).save(buffer, "png")
            return buffer.getvalue(), {"width": 200, "height": 200}

    text, _ = png_preview(Heavy())  # type: ignore[arg-type, misc]
    assert 100_000 < len(text) < MAX_PREVIEW_CHARACTERS
    monkeypatch.setattr("kanwidget.figure.draw.MAX_PREVIEW_CHARACTERS", 1000)
    assert png_preview(Heavy()) is None  # type: ignore[arg-type]
    assert "image/png" not in widget._repr_mimebundle_()[0]

    def broken(self: object, **options: object) -> None:
        raise RuntimeError("no fonts here")

    monkeypatch.setattr(KANWidget, "figure", broken)
    assert set(widget._repr_mimebundle_()[0]) == {
        "text/plain",
        "application/vnd.jupyter.widget-view+json",
    }


def test_the_picture_does_not_keep_the_view_waiting(widget: KANWidget) -> None:
    """It takes far less time than the one that is saved for print."""
    seconds: dict[str, list[float]] = {"shown": [], "saved": []}
    for _ in range(7):
        began = time.process_time()
        widget._repr_mimebundle_()
        shown = time.process_time()
        widget.figure().savefig(io.BytesIO(), format="png", dpi=300)
        seconds["shown"].append(shown - began)
        seconds["saved"].append(time.process_time() - shown)
    assert statistics.median(seconds["shown"]) < 0.6 * statistics.median(seconds["saved"])


def test_repr_draws_nothing(widget: KANWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KANWidget, "figure", None)
    assert "\n" not in repr(widget)


def test_the_picture_follows_how_the_view_is_drawn(widget: KANWidget) -> None:
    widget.edge_threshold = float(widget.session.scores[0].median())
    plain = groups(widget.figure())
    assert "off" in plain
    widget.removed = "hidden"
    assert "off" not in groups(widget.figure())
    assert "off" in groups(widget.figure(removed="faint"))

    def inks(**options: Any) -> dict[str, float]:
        drawn = {artist.get_gid(): artist for artist in widget.figure(**options).get_children()}
        return {
            name: artist.get_linewidth() * artist.get_alpha()
            for name, artist in drawn.items()
            if name and name.startswith("line-")
        }

    usual = inks()
    widget.beta = 300.0
    darker = inks()
    assert darker == inks(beta=300.0)
    assert all(darker[name] >= ink for name, ink in usual.items())
    assert sum(darker.values()) > 1.1 * sum(usual.values())


def test_curves_into_one_node_share_a_scale_when_asked_to(session: PruningSession) -> None:
    def heights(shared: bool) -> dict[str, float]:
        drawn = {
            artist.get_gid(): artist
            for artist in figure(session, shared_scale=shared).get_children()
        }
        return {
            name: float(np.ptp(artist.get_path().vertices[:, 1]))
            for name, artist in drawn.items()
            if name and name.startswith("curve-0-")
        }

    own, shared = heights(False), heights(True)
    full = max(own.values())
    assert all(height == pytest.approx(full, rel=0.01) for height in own.values())
    assert min(shared.values()) < 0.9 * full
