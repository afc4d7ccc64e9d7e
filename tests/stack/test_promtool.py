"""What Prometheus' own promtool and two strict parsers say about /metrics: nothing, whatever the gateway does."""

import re
import subprocess

import pytest

from proxy.metrics.site_metrics import SITE_METRICS
from proxy.sim.faults import Fault
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.metrics.reading import OPENMETRICS, parse_openmetrics, read, settled


def promtool_remarks(body: str) -> list[str]:
    """What ``promtool check metrics`` has to say, line by line; nothing if all is well."""
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, input=body, capture_output=True, text=True, check=False)
    remarks = (done.stdout + done.stderr).splitlines()
    assert (done.returncode == 0) == (remarks == [])
    return remarks


def counters(openmetrics: str) -> list[str]:
    """The families that an OpenMetrics body declares to be counters, without their ``_total``."""
    return re.findall(r"^# TYPE (\w+) counter$", openmetrics, re.MULTILINE)


def as_text(openmetrics: str) -> str:
    """The same body as promtool reads it: in the older format a counter is declared by its samples' name."""
    names = "|".join(counters(openmetrics))
    return re.sub(rf"^# (HELP|TYPE) ({names})(?= )", r"# \1 \2_total", openmetrics, flags=re.MULTILINE)


async def clean(proxy):
    """Assert that both formats are in order and tell the same series.

    promtool reads the older text format only, also what is OpenMetrics. There a counter ``c_total`` is a
    family of that name, while OpenMetrics 1.0 declares it as ``c`` and forbids a family ``c_total`` beside it
    ("MUST NOT result in a potential clash for sample metric names"). So no OpenMetrics body with a typed
    counter passes without "c_total no help text" (see the next two tests): exactly this about each counter
    is let pass, and nothing at all once the counters are declared as that format wants it.
    """
    text = await proxy.get("/metrics", headers={"Accept": "text/plain"})
    openmetrics = await proxy.get("/metrics", headers={"Accept": OPENMETRICS})

    assert promtool_remarks(text.text) == []
    assert promtool_remarks(as_text(openmetrics.text)) == []
    inevitable = {f"{name}_total no help text" for name in counters(openmetrics.text)}
    assert set(promtool_remarks(openmetrics.text)) == inevitable
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    assert read(openmetrics.text, openmetrics=True).keys() >= read(text.text).keys()
    assert "_created" not in openmetrics.text


COUNTER = "# HELP c Help\n# TYPE c counter\nc_total 1.0\n# EOF\n"


@pytest.mark.parametrize(
    "silent",
    [
        f"# HELP c_total Help\n{COUNTER}",
        COUNTER.replace("# TYPE", "# HELP c_total Help\n# TYPE"),
        COUNTER.replace("# HELP c ", "# HELP c_total "),
        COUNTER.replace(" c ", " c_total "),
        COUNTER.replace("# TYPE", "#\tHELP c_total Help\n# TYPE"),
    ],
)
def test_what_would_silence_promtool_is_no_openmetrics(silent):
    """Neither a second declaration, nor one by the other name, nor a comment: a strict reader refuses them all."""
    assert promtool_remarks(COUNTER) == ["c_total no help text"]
    assert promtool_remarks(silent) == []
    assert read(COUNTER, openmetrics=True)
    with pytest.raises(ValueError, match=r"Clashing name: c|Invalid line"):
        read(silent, openmetrics=True)


def test_openmetrics_could_be_silent_without_types_only():
    """A family ``c_total`` of no type is allowed, but no reader would know any more that it is a counter, nor its unit."""
    untyped = COUNTER.replace("# TYPE c counter\n", "").replace(" c ", " c_total ")
    [family] = parse_openmetrics(untyped)

    assert promtool_remarks(untyped) == []
    assert (family.name, family.type) == ("c_total", "unknown")


@pytest.mark.parametrize("persona", PERSONAS)
async def test_promtool_and_both_parsers_have_no_remark(persona, start, clock):
    """On every generation of firmware, over every way that leads to it, and when it is gone."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        address = sim.address if sim.gateway.persona.tls else f"http://{sim.address}"
        gw_pwd = sim.gw_pwd if sim.gateway.persona.tedapi else ""
        proxy = await start(sim, host=address, password=sim.password, gw_pwd=gw_pwd, metrics_refresh="all")
        assert {row.name for row in SITE_METRICS} & (await settled(proxy)).names
        await clean(proxy)

        await until(lambda: not proxy.context.gateway.cache.is_fetching)
        sim.faults.add(Fault(action="reset"))
        await pass_time(clock, proxy, 60)
        assert {row.name for row in SITE_METRICS} & (await settled(proxy)).names == set()
        await clean(proxy)


async def test_promtool_has_no_remark_during_an_outage(sim, start, clock):
    """Fresh, stale, expired, and once the gateway is back; nor without any gateway."""
    proxy = await start(sim, metrics_refresh="all")
    await settled(proxy)
    sim.answers(status=500)
    for seconds in (7, 60):
        await pass_time(clock, proxy, seconds)
        await clean(proxy)
    sim.clear_faults()
    await pass_time(clock, proxy, 60)
    assert "powerwall_charge_ratio" in (await settled(proxy)).names
    await clean(proxy)

    await clean(await start())
