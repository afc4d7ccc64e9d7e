"""The gateways and sites of one process: tables over the settings of all.

A table gives what is different for one gateway; everything else is as the global settings say.
The list is that of the settings file, else that of PW_GATEWAYS; without one there is the one
gateway of PW_HOST, whose id is ``default``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from proxy.config.cloud import cloud_mode, signed_in, site_named
from proxy.config.config_file import ConfigFile, listed_in_json
from proxy.config.gateway_settings import AUTO, DEFAULT_ID, OFF, SUM, GatewaySettings, SiteSettings
from proxy.config.given import Findings, Given, find, nearest, parsed
from proxy.config.settings import SETTINGS, settings_of
from proxy.config.specs import GATEWAY, SettingSpec
from proxy.config.types import HIGHEST_PORT, ID, TEXT, SettingType, choice, whole

if TYPE_CHECKING:
    from proxy.config.settings import Settings

MOST_GATEWAYS: Final = 50
MOST_SITES: Final = 16
# Paths and words that an id would be taken for.
RESERVED: Final = frozenset({"aggregate", "api", "gateway", "gateways", "site", "sites", SUM})

_ROWS: Final = tuple(row for row in SETTINGS if row.owner is GatewaySettings)
_OTHERS: Final = {row.key: row.env for row in SETTINGS if row.owner is not GatewaySettings}
# Of a list, only its own table says where a gateway is; a session file belongs to one gateway.
_NOT_SHARED: Final = frozenset({"host", "cache_file"})


def _own(key: str, kind: SettingType) -> SettingSpec:
    return SettingSpec("", key, kind, None, "", GATEWAY, GatewaySettings)


# How a gateway without an id is called in sentences, with its place in the list.
_NUMBER: Final = "number "

# What only a table says.
_OWN: Final = (
    _own("id", ID),
    _own("name", TEXT),
    _own("site", ID),
    _own("listen", whole(0, HIGHEST_PORT)),
    _own("type", choice("powerwall", "inverter")),
)
_KEYS: Final = frozenset(
    {row.key for row in (*_OWN, *_ROWS)} | {f"{row.key}_file" for row in _ROWS if row.secret}
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The tables of gateways that hold, and where they stand."""

    tables: Sequence[Mapping[str, Any]] = ()
    place: str = ""


def listed(file: ConfigFile, given: Given | None, found: Findings) -> Listed:
    """Choose the list of gateways; a weaker one that is given, too, is a warning."""
    if file.gateways:
        if given:
            found.warnings.append(f"{given.name} is ignored: gateways are listed in {file.name}.")
        return Listed(file.gateways, file.name)
    if not given:
        return Listed()
    try:
        return Listed(listed_in_json(given.text), given.name)
    except ValueError as exc:
        found.problems.append(f"{given.name} {exc}.")
        return Listed(place=given.name)


def variable(row: SettingSpec, id_: str) -> str:
    """Name the environment variable of a gateway's secret."""
    return f"PW_GATEWAY_{_upper(id_)}_{row.env.removeprefix('PW_')}"


def variables(ids: Sequence[str]) -> set[str]:
    """Name the environment variables of all secrets of these gateways, those of files included."""
    names = {variable(row, id_) for id_ in ids for row in _ROWS if row.secret}
    return names | {f"{name}_FILE" for name in names}


def gateways_of(
    tables: Listed, environ: Mapping[str, str], base: Mapping[str, Any], found: Findings
) -> tuple[GatewaySettings, ...]:
    """Lay each table over ``base``, the values by key that are given for all."""
    if len(tables.tables) > MOST_GATEWAYS:
        found.problems.append(
            f"{tables.place} has {len(tables.tables)} gateways; {MOST_GATEWAYS} are the most."
        )
    made = []
    for number, table in enumerate(tables.tables, 1):
        shared = base if number == 1 else {key: base[key] for key in base if key not in _NOT_SHARED}
        made.append(_gateway(table, number, tables.place, environ, shared, found))
    found.problems += _equal(made)
    return tuple(made)


def _gateway(
    table: Mapping[str, Any],
    number: int,
    place: str,
    environ: Mapping[str, str],
    shared: Mapping[str, Any],
    found: Findings,
) -> GatewaySettings:
    written = table.get("id")
    shown = written if isinstance(written, str) else f"{_NUMBER}{number}"
    where = f"gateway {shown} of {place}"
    own = _values(_OWN, {}, table, where, found)
    id_ = own.get("id") or ""
    if "id" not in table:
        found.problems.append(f"{where} has no id: letters, digits, - and _, such as house.")
    elif id_.lower() in RESERVED:
        found.problems.append(f"{where}: this id has another meaning; choose another.")
    rows = tuple(replace(row, env=variable(row, id_) if row.secret and id_ else "") for row in _ROWS)
    values = {key: value for key, value in shared.items() if key != "host"}
    values |= _values(rows, environ, table, where, found)
    found.problems += _unknown(table, where)
    return replace(
        settings_of(**values).gateway,
        id=id_ or shown,
        name=own.get("name") or "",
        site=own.get("site") or "",
        listen=own.get("listen"),
        type=own.get("type") or "powerwall",
    )


def _values(
    rows: Sequence[SettingSpec],
    environ: Mapping[str, str],
    table: Mapping[str, Any],
    where: str,
    found: Findings,
) -> dict[str, Any]:
    given = {row.key: find(row, environ, table, where, found) for row in rows}
    found.conceal(rows, given)
    return {row.key: parsed(row, text, found) for row in rows if (text := given[row.key])}


def _unknown(table: Mapping[str, Any], where: str) -> Iterator[str]:
    for key in table:
        if key in _OTHERS:
            yield f"{key} in {where} is a setting of the whole proxy: write it above the gateways, or as {_OTHERS[key]}."
        elif key not in _KEYS:
            yield f"{key} in {where} is unknown{nearest(key.lower().removeprefix('pw_'), _KEYS)}"


def _equal(made: Sequence[GatewaySettings]) -> Iterator[str]:
    """Point out what only one gateway can have."""
    ids = Counter(_upper(each.id) for each in made)
    for id_, count in ids.items():
        if count > 1:
            named = " and ".join(dict.fromkeys(each.id for each in made if _upper(each.id) == id_))
            yield f"{count} gateways have the id {named}: ids differ in more than case, - and _."
    for file, count in Counter(each.cache_file for each in made if each.cache_file).items():
        if count > 1:
            yield f"cache_file is {file} for {count} gateways: each needs a file of its own."


def sites_of(
    tables: Mapping[str, Any], gateways: Sequence[GatewaySettings], place: str, found: Findings
) -> tuple[SiteSettings, ...]:
    """Make the sites that gateways name, with the tables that describe some of them."""
    names = dict.fromkeys((*(each.site for each in gateways if each.site), *tables))
    if len(names) > MOST_SITES:
        found.problems.append(f"There are {len(names)} sites; {MOST_SITES} are the most.")
    return tuple(_site(name, tables.get(name, {}), gateways, place, found) for name in names)


def _site(
    name: str, table: Any, gateways: Sequence[GatewaySettings], place: str, found: Findings
) -> SiteSettings:
    where = f"site {name} of {place}"
    members = [each.id for each in gateways if each.site == name]
    if not isinstance(table, dict):
        found.problems.append(f"{where} must be a table: [site.{name}].")
        return SiteSettings(name)
    if not members:
        found.problems.append(f'{where} has no members: write site = "{name}" in the tables of its gateways.')
    if name.lower() in RESERVED or name.lower() in {each.id.lower() for each in gateways}:
        found.problems.append(f"{where}: this name has another meaning; choose another.")
    for key in table:
        if key not in {"name", "grid"}:
            found.problems.append(f"{key} in {where} is unknown{nearest(key, ('name', 'grid'))}")
    grid = table.get("grid", SUM)
    if members and grid != SUM and grid not in members:
        found.problems.append(
            f'grid in {where} is "{grid}", but must be {SUM} or one of {", ".join(_named(members))}.'
        )
    return SiteSettings(name, title=str(table.get("name", "")), grid=str(grid))


def problems(settings: Settings) -> Iterator[str]:
    """Say what is wrong with the gateways together; nothing without a list."""
    ids = [each.id for each in settings.listed]
    for each in settings.listed:
        if not each.host and not cloud_mode(each):
            yield f"gateway {each.id} has no host, and no mode of the cloud."
    yield from _without_site(
        [each for each in settings.listed if cloud_mode(each) and not each.siteid], len(ids)
    )
    encrypted = {settings.https_port} - {settings.port} if settings.https == "yes" else ()
    ports = Counter(filter(None, (settings.port, *encrypted, *(each.listen for each in settings.listed))))
    for port, count in ports.items():
        if count > 1:
            yield f"port {port} is used {count} times: PW_PORT, PW_HTTPS_PORT and each listen need a port of their own."
    known = [*_named(ids), *(site.id for site in settings.sites)] or [DEFAULT_ID]
    if settings.default and settings.default not in known:
        yield f'PW_DEFAULT is "{settings.default}", but must be one of {", ".join(known)}.'


def _without_site(unnamed: Sequence[GatewaySettings], count: int) -> Iterator[str]:
    """Say of which of several gateways nothing says what site they are; a folder's sign-in can name that of one."""
    folders = Counter(each.auth_path for each in unnamed)
    for each in unnamed if count > 1 else ():
        is_named = folders[each.auth_path] == 1 and site_named(cloud_mode(each), each.auth_path)
        if not is_named:
            yield f"gateway {each.id}: siteid is missing, which says what site of the cloud's account this is."


def warnings(settings: Settings) -> Iterator[str]:
    """Say what is unlikely of the gateways together."""
    for host in dict.fromkeys(each.host for each in settings.listed if each.host):
        ids = [each.id for each in settings.listed if each.host == host]
        if len(ids) > 1:
            yield f"gateways {' and '.join(ids)} have the same host: {host} is read, and counted in totals, {len(ids)} times."


def each(settings: Settings, judge: Callable[[GatewaySettings], Iterator[str]]) -> Iterator[str]:
    """Yield what is said of each gateway; what holds for all of them is said once."""
    said = [(gateway.id, tuple(judge(gateway))) for gateway in settings.gateways]
    for sentence in dict.fromkeys(sentence for _, sentences in said for sentence in sentences):
        ids = [id_ for id_, sentences in said if sentence in sentences]
        if len(ids) == len(said):
            yield sentence
        else:
            yield from (f"gateway {id_}: {sentence}" for id_ in ids)


def without_foreign_cloud(listed: Sequence[GatewaySettings], shared: str) -> tuple[GatewaySettings, ...]:
    """Leave a sign-in to the gateway of a list that it is for.

    That is one without a host, one that says what site of the account it is, or the only one with this
    folder, which names the site. A sign-in in the ``shared`` folder is there for any of them.
    """
    folders = Counter(each.auth_path for each in listed)

    def is_for(each: GatewaySettings) -> bool:
        if not each.host or each.siteid:
            return True
        is_own = each.auth_path != shared and folders[each.auth_path] == 1
        return is_own and site_named(signed_in(each.auth_path), each.auth_path) is not None

    return tuple(
        each if len(listed) == 1 or each.cloud_mode != AUTO or is_for(each) else replace(each, cloud_mode=OFF)
        for each in listed
    )


def _named(ids: Sequence[str]) -> list[str]:
    """Return the ids that another setting can name."""
    return [id_ for id_ in ids if not id_.startswith(_NUMBER)]


def _upper(id_: str) -> str:
    return id_.upper().replace("-", "_")
