"""A JSONPath of a definition finds exactly what it names, and says when it cannot be served."""

from typing import Any

import pytest
from teleward_cli.apiserver import jsonpath

CLINIC: dict[str, Any] = {
    "metadata": {"labels": {"teleward.io/clinic": "a", "plain": "b"}},
    "spec": {"open": True, "locales": ["ar", "en", "de"]},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "False", "observedGeneration": 3, "final": True},
            {"type": "Accepted", "status": "True"},
        ]
    },
}

SELECTED: dict[str, list[Any]] = {
    ".spec.open": [True],
    "{.spec.open}": [True],
    "$.spec.open": [True],
    ".spec['open']": [True],
    ".spec.absent": [],
    ".spec.open.deeper": [],
    ".metadata.labels['teleward.io/clinic']": ["a"],
    r".metadata.labels.teleward\.io/clinic": ["a"],
    ".metadata.labels[*]": ["a", "b"],
    ".spec.locales[0]": ["ar"],
    ".spec.locales[-1]": ["de"],
    ".spec.locales[3]": [],
    ".spec.locales[*]": ["ar", "en", "de"],
    ".spec.open[0]": [],
    ".status.conditions[*].type": ["Ready", "Accepted"],
    '.status.conditions[?(@.type=="Ready")].status': ["False"],
    ".status.conditions[?(@.type == 'Accepted')].status": ["True"],
    ".status.conditions[?(@.observedGeneration==3)].type": ["Ready"],
    ".status.conditions[?(@.final==true)].type": ["Ready"],
    '.status.conditions[?(@.type=="Programmed")].status': [],
}


@pytest.mark.parametrize("path", SELECTED)
def test_a_path_selects_what_it_names_in_order(path: str) -> None:
    assert jsonpath.find(CLINIC, path) == SELECTED[path]


def test_the_first_of_many_is_taken_and_nothing_is_none() -> None:
    assert jsonpath.first(CLINIC, ".spec.locales[*]") == "ar"
    assert jsonpath.first(CLINIC, ".spec.absent") is None


@pytest.mark.parametrize("path", [".spec..open", ".spec[0:2]", ".spec[?(@.a>1)]", "spec.open"])
def test_what_is_not_served_is_refused_with_the_path(path: str) -> None:
    with pytest.raises(ValueError, match="is not served from character"):
        jsonpath.find(CLINIC, path)
