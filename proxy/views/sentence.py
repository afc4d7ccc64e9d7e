"""How things stand with a house, in a sentence: the same for the page, its title, /flow.json and screen readers.

A sentence is made of phrases, which are named in ``web/words.json`` and filled with numbers; who
shows it writes it in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.views.state import SiteState

# Below this a power is noise of the meters (W), and a source that gives less than this share is not named.
NOISE_W: Final = 50.0
_NAMED_SHARE: Final = 0.15
_FULL: Final = 99.5
# The app's scale leaves out the lowest 5 % of the pack.
_USABLE: Final = 0.95
_TOLERANCE: Final = 0.5  # percent
_CRITICAL: Final = 10.0  # percent
_HOUR_S: Final = 3600.0
ISLANDED: Final = frozenset({"outage", "off_grid", "islanded"})
_SOURCES: Final = {"solar": "s2h", "battery": "b2h", "grid": "g2h", "generator": "n2h"}
_DAY_S, _LONG_S, _HOURS_S, _MINUTES_S = 86400.0, 36000.0, 5940.0, 100.0
_STEP_S: Final = 600.0
_PAST: Final[Mapping[str, str]] = {"runs_on": "ran_on"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase by its name; in this order what stands in it: sources, ``time`` (s), ``percent`` (app's scale)."""

    key: str
    sources: tuple[str, ...] = ()
    time: float | None = None
    percent: float | None = None


def phrases(state: SiteState) -> tuple[Phrase, ...]:
    """Describe the grid, if its state is unusual, what powers the home, and what the battery does."""
    return (*_grid(state), *_home(state), *_battery(state))


def urgency(state: SiteState) -> str:
    """Return "low" below the reserve, "critical" below 10 % or with less than an hour left off grid, else ""."""
    charge, left = state.charge_app, _left_s(state) if state.grid in ISLANDED else None
    if charge is None:
        return ""
    if charge < _CRITICAL or (left is not None and left < _HOUR_S):
        return "critical"
    return "low" if _is_below_reserve(state) else ""


def _grid(state: SiteState) -> Iterator[Phrase]:
    if state.grid in {*ISLANDED, "transition"}:
        yield Phrase(str(state.grid))


def _home(state: SiteState) -> Iterator[Phrase]:
    if state.flows is None:
        return
    watts = {name: getattr(state.flows, edge) for name, edge in _SOURCES.items()}
    total = sum(watts.values())
    named = sorted(
        (name for name in watts if watts[name] > _NAMED_SHARE * total), key=lambda name: -watts[name]
    )
    if total > NOISE_W and named:
        yield Phrase("runs_on", sources=tuple(named))


def _battery(state: SiteState) -> Iterator[Phrase]:
    charge, power, usable = state.charge_app, state.power("battery"), _usable_wh(state)
    if charge is None or not state.has_battery:
        return
    if charge >= _FULL:
        yield Phrase("full")
    elif state.grid in ISLANDED and (left := _left_s(state)) is not None:
        yield Phrase("left", time=left)
    elif power is not None and power < -NOISE_W and usable:
        yield Phrase("full_in", time=usable * (100 - charge) / 100 / -power * _HOUR_S)
    elif _is_below_reserve(state):
        yield Phrase("below", percent=state.reserve_app)
    elif power is not None and power > NOISE_W and usable and state.reserve_app is not None:
        wh = usable * (charge - state.reserve_app) / 100
        yield Phrase("lasts", time=max(wh, 0.0) / power * _HOUR_S, percent=state.reserve_app)


def _is_below_reserve(state: SiteState) -> bool:
    charge, reserve = state.charge_app, state.reserve_app
    return charge is not None and reserve is not None and charge < reserve - _TOLERANCE


def _usable_wh(state: SiteState) -> float | None:
    return state.energy_capacity * _USABLE if state.energy_capacity else None


def _left_s(state: SiteState) -> float | None:
    """Return how long the battery lasts at the present load; None if it does not supply it, or it is unknown."""
    usable, power = _usable_wh(state), state.power("battery")
    if usable is None or state.charge_app is None or power is None or power <= NOISE_W:
        return None
    return usable * state.charge_app / 100 / power * _HOUR_S


# ---- writing ---------------------------------------------------------------------------------------


def document(said: tuple[Phrase, ...]) -> list[dict[str, Any]]:
    """Give phrases to a page, which writes them as ``written`` does."""
    return [
        {
            "key": each.key,
            **({"sources": list(each.sources)} if each.sources else {}),
            **({"time": round(each.time)} if each.time is not None else {}),
            **({"percent": round(each.percent, 1)} if each.percent is not None else {}),
        }
        for each in said
    ]


def written(
    said: list[dict[str, Any]],
    words: Mapping[str, str],
    *,
    capitals: bool = False,
    age_s: float | None = None,
) -> str:
    """Write the phrases of ``document`` as sentences; ``capitals``: names keep theirs, as in German.

    With an age, that of readings which are not fresh, it is one sentence that begins with it and says how it was then;
    what was still to come is left out.
    """
    if age_s is None:
        return " ".join(f"{_phrase(each, words, capitals=capitals)}." for each in said)
    past = [{**each, "key": _PAST.get(each["key"], each["key"])} for each in said if "time" not in each]
    texts = [_phrase(each, words, capitals=capitals) for each in past]
    age = duration(age_s, words["day"])
    if not texts:
        return f"{words['old'].format(age)}."
    inside = texts if capitals else [text[0].lower() + text[1:] for text in texts]
    return f"{words['was'].format(age, ', '.join(inside))}."


def _phrase(said: Mapping[str, Any], words: Mapping[str, str], *, capitals: bool) -> str:
    values = []
    if "sources" in said:
        names = (words[name] for name in said["sources"])
        values.append(" + ".join(name if capitals else name.lower() for name in names))
    if "time" in said:
        values.append(duration(said["time"], words["day"]))
    if "percent" in said:
        values.append(f"{said['percent']:.0f}\u00a0%")
    return words[said["key"]].format(*values)


def duration(seconds: float, day: str) -> str:
    """Write seconds as people say them: "42 s", "7 min", "2 h 30 min", "14 h", "1 d 12 h"."""
    if seconds < _MINUTES_S:
        return f"{seconds:.0f}\u00a0s"
    if seconds < _HOURS_S:
        return f"{seconds / 60:.0f}\u00a0min"
    if seconds < _LONG_S:
        steps = int(seconds / _STEP_S + 0.5)
        hours, minutes = divmod(steps * 10, 60)
        return f"{hours}\u00a0h {minutes}\u00a0min" if minutes else f"{hours}\u00a0h"
    hours = int(seconds / _HOUR_S + 0.5)
    days, rest = divmod(hours, 24)
    if seconds < _DAY_S or not days:
        return f"{hours}\u00a0h"
    return f"{days}\u00a0{day} {rest}\u00a0h" if rest else f"{days}\u00a0{day}"
