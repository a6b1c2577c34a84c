"""Files that `teleward up` needs besides code: the definitions and the examples."""

from pathlib import Path

_PACKAGED = Path(__file__).parent.parent / "assets"
_CHECKOUT = Path(__file__).parents[3]


def definitions() -> Path | None:
    """The directory of the CustomResourceDefinitions."""
    return _find("crds")


def example() -> Path | None:
    """What `up` applies when it is given nothing."""
    directory = _find("examples")
    return directory / "clinics.yaml" if directory else None


def pages_are_built() -> bool:
    """Whether the gateway has pages to serve."""
    import teleward_gateway

    static = Path(teleward_gateway.__file__).parent / "static"
    return (static / "patient.html").is_file()


def _find(name: str) -> Path | None:
    return next((root / name for root in (_PACKAGED, _CHECKOUT) if (root / name).is_dir()), None)
