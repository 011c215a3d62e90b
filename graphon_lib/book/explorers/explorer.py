"""An explorer: controls, and a pure function from their values to a view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from graphon_lib.book.explorers.view import View

__all__ = ["Control", "Explorer", "choice"]

Value = str | int | float


@dataclass(frozen=True)
class Control:
    """Something a reader sets: one value out of finitely many.

    The name is that of the argument of the model, the label what the reader sees. Options are from each
    value to how it is written, in order, one of them initial; a slider is for values in a natural order.
    """

    name: str
    label: str
    options: Mapping[Value, str]
    initial: Value
    slider: bool = False

    def __post_init__(self) -> None:
        self.check(self.initial)

    def check(self, value: object) -> Value:
        """Return `value` if it is one of the options, or say which they are."""
        for option in self.options:
            if value == option and not isinstance(value, bool):
                return option
        allowed = ", ".join(repr(option) for option in self.options)
        raise ValueError(f"{self.name} must be one of {allowed}; got {value!r}")


@dataclass(frozen=True)
class Explorer:
    """Controls and the model behind them.

    The model is a function of the controls, by keyword, that returns the
    :class:`~graphon_lib.book.explorers.view.View`. It is pure: equal values give equal views. `missing`
    returns why there is no view for values of the controls, or nothing where there is one. The name
    identifies the explorer on a page, the title is its heading.
    """

    name: str
    title: str
    controls: tuple[Control, ...]
    model: Callable[..., View]
    missing: Callable[..., str] = lambda **_: ""

    def view(self, **parameters: Value) -> View:
        """Return what is shown for the given values; controls that are not named keep their start."""
        known = {control.name: control for control in self.controls}
        for name in parameters:
            if name not in known:
                raise ValueError(f"parameters must be among {', '.join(known)}, got {name}")
        state = {
            name: control.check(parameters.get(name, control.initial))
            for name, control in known.items()
        }
        if reason := self.missing(**state):
            values = ", ".join(f"{name}={value!r}" for name, value in state.items())
            raise ValueError(f"{reason}: {values}")
        return self.model(**state)

    def _combinations(self) -> list[dict[str, Value]]:
        names = [control.name for control in self.controls]
        combinations = product(*(control.options for control in self.controls))
        return [dict(zip(names, values, strict=True)) for values in combinations]

    def states(self) -> list[dict[str, Value]]:
        """List every combination of the controls' values that has a view; the last varies fastest."""
        return [state for state in self._combinations() if not self.missing(**state)]

    def describe(self) -> dict[str, Any]:
        """Return what the front-end needs to draw the controls, as JSON can hold it.

        Of the combinations without a view the places among all, and why there is none.
        """
        reasons = {str(i): self.missing(**state) for i, state in enumerate(self._combinations())}
        return {
            "name": self.name,
            "title": self.title,
            "controls": [
                {
                    "name": control.name,
                    "label": control.label,
                    "values": list(control.options),
                    "labels": list(control.options.values()),
                    "initial": control.initial,
                    "slider": control.slider,
                }
                for control in self.controls
            ],
            "missing": {place: reason for place, reason in reasons.items() if reason},
        }


def choice(name: str, label: str, explorers: Mapping[str, Explorer]) -> Explorer:
    """Return one explorer of several, by what a further control says to choose among them.

    All have the name, the title and the controls of the first, with some of its options: what the
    chosen one has no option for is missing. A slider could stop there, so that it becomes a list.
    """
    first = next(iter(explorers.values()))
    options = {
        which: {control.name: control.options for control in explorer.controls}
        for which, explorer in explorers.items()
    }

    def missing(**state: Value) -> str:
        which = state.pop(name)
        if any(value not in options[which][control] for control, value in state.items()):
            return "not computed"
        return explorers[which].missing(**state)

    def model(**state: Value) -> View:
        return explorers[state.pop(name)].model(**state)

    def complete(control: Control) -> bool:
        return all(of[control.name] == control.options for of in options.values())

    controls = (c if complete(c) else replace(c, slider=False) for c in first.controls)
    chosen = Control(name, label, {which: which for which in explorers}, next(iter(explorers)))
    return Explorer(
        name=first.name,
        title=first.title,
        controls=(chosen, *controls),
        model=model,
        missing=missing,
    )
