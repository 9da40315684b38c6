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

SHOW = "original = copy.deepcopy(model)\nw = KANWidget(model, dataset)\nw"

FORMULA = """
import copy
import torch
from kanwidget import KAN, KANWidget, create_dataset

f = lambda x: torch.exp(torch.sin(torch.pi * x[:, [0]]) + x[:, [1]] ** 2)
dataset = create_dataset(f, n_var=2)
x = dataset["test_input"]
model = KAN(width=[2, 5, 1], grid=5, k=3, seed=0)
model.fit(dataset, opt="LBFGS", steps=20, lamb=0.01, lamb_entropy=10.0, progress=False)
"""

TUMOURS = """
import torch
from kanwidget import KAN, KANWidget
from sklearn.datasets import load_breast_cancer
from torch.nn.functional import binary_cross_entropy_with_logits

tumours = load_breast_cancer()
def log_loss(predicted, label):
    return binary_cross_entropy_with_logits(predicted, label)


columns = ["worst radius", "worst texture", "worst smoothness", "worst concave points"]
x = torch.tensor(tumours.data[:, [list(tumours.feature_names).index(c) for c in columns]])
x = (x - x.mean(0)) / x.std(0)
y = 1.0 - torch.tensor(tumours.target)[:, None]
train, test = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).split([400, 169])
dataset = {"train_input": x[train], "train_label": y[train]}
dataset |= {"test_input": x[test], "test_label": y[test]}
model = KAN([4, 10, 5, 1], grid=3, k=3, seed=2)
model.fit(dataset, opt="Adam", lr=0.02, steps=300, lamb=0.02, lamb_entropy=2.0,
          loss_fn=log_loss, progress=False)
"""

EDGES = [f"0,{i},{j}" for i in range(2) for j in range(5)] + [f"1,{i},0" for i in range(5)]
