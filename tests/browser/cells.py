"""The cells that notebooks of the tests are made of."""

MODEL = """
import copy
import torch
from kanwidget import KAN, KANWidget, create_dataset

dataset = create_dataset(
    lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2),
    n_var=2, train_num=200, test_num=100,
)
x = dataset["test_input"]
# So much noise gives every edge a curve of its own.
model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0, noise_scale=5.0)
with torch.no_grad():
    before = model(x)
    model(dataset["train_input"])
original = copy.deepcopy(model)
"""

PYKAN_MODEL = """
import copy
import os
import torch
from kan import KAN
from kanwidget import KANWidget, create_dataset

dataset = create_dataset(
    lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2),
    n_var=2, train_num=200, test_num=100,
)
torch.set_default_dtype(torch.float64)
x = dataset["test_input"]
model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0, noise_scale=5.0, auto_save=False)
with torch.no_grad():
    before = model(x).clone()
original = copy.deepcopy(model)
original(dataset["train_input"])
files = sorted(os.listdir())
"""

WIDGET = """
w = KANWidget(model, dataset)
w
"""

EDGES = [f"0,{i},{j}" for i in range(2) for j in range(5)] + [f"1,{i},0" for i in range(5)]
