import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Prune a network by hand")


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Prune a network by hand

    A Kolmogorov-Arnold network has learned $f(x_1, x_2) = e^{\sin(\pi x_1) + x_2^2}$ from a
    thousand samples. Most of its fifteen curves do little. **Drag the node threshold** until only
    those are left that matter. Blue is what your network makes of the function; all follows your
    hand.
    """)
    return


@app.cell(hide_code=True)
def _(f, mo, model, network, torch):
    network.value  # names the thresholds and edges: this cell runs again when they change

    def cut(i):
        """Draw the function, and what the network makes of it, along one input."""
        x = torch.zeros(101, 2, dtype=torch.float64)
        x[:, i] = torch.linspace(-1, 1, 101)
        with torch.no_grad():
            true, learned = f(x), model(x)

        def line(y, style):
            points = " ".join(f"{3 * k} {110 - 35 * v:.1f}" for k, v in enumerate(y.flatten()))
            return f'<polyline points="{points}" fill="none" {style}/>'

        thick = 'stroke="currentColor" stroke-opacity="0.25" stroke-width="5"'
        thin = 'stroke="#0072b2" stroke-width="2"'
        title = ("x₁, with x₂ = 0", "x₂, with x₁ = 0")[i]
        return mo.Html(
            f"""<svg viewBox="-5 -5 310 140" width="100%" font-size="14" fill="currentColor">
            <path d="M0 110H300" stroke="currentColor" stroke-opacity="0.2"/>
            {line(true, thick)}{line(learned, thin)}
            <text x="0" y="128">−1</text><text x="300" y="128" text-anchor="end">1</text>
            <text x="150" y="128" text-anchor="middle">{title}</text></svg>"""
        )

    change = network.loss / network.baseline_loss - 1
    loss = mo.stat(
        f"{network.loss:.4f}",
        label=network.loss_name,
        caption=f"{change:+.1%}" if abs(change) >= 0.0005 else "as after the training",
        bordered=True,
    )
    curves = mo.stat(network.active_edges, label="curves", caption="of 15", bordered=True)
    mo.hstack([curves, loss, cut(0), cut(1)], widths=[2, 3, 5, 5], align="center", gap=1.5)
    return


@app.cell
def _():
    import marimo as mo
    import torch

    from kanwidget import KAN, KANWidget, create_dataset

    return KAN, KANWidget, create_dataset, mo, torch


@app.cell
def _(KAN, create_dataset, torch):
    def f(x):
        return torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)

    dataset = create_dataset(f, n_var=2)
    model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0)
    _ = model.fit(dataset, opt="LBFGS", steps=20, lamb=0.01, lamb_entropy=10.0, progress=False)
    return dataset, f, model


@app.cell
def _(KANWidget, dataset, mo, model):
    w = KANWidget(model, dataset)
    network = mo.ui.anywidget(w)
    network
    return network, w


@app.cell(hide_code=True)
def _(mo, network, w):
    network.value
    mo.accordion({"The same in Python": mo.md(f"```python\n{w.script()}\n```")})
    return


if __name__ == "__main__":
    app.run()
