"""What Prometheus' own promtool and two strict parsers say about /metrics: nothing, whatever the gateway does."""

import json
import re
import subprocess

import pytest

from proxy.metrics.site_metrics import SITE_METRICS
from proxy.sim.faults import Fault
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.metrics.reading import OPENMETRICS, parse_openmetrics, read, settled
from tests.stack.servers import ROOT


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
    """Assert that both formats are in order and have the same series.

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


RECORDED = ("powerwall_proxy_failures_in_row", "powerwall_proxy_link_state", "powerwall_proxy_logins_total")
SCRAPE_S = 30


async def test_the_alert_of_a_failing_gateway_fires_on_what_a_scraper_records(start, clock, tmp_path):
    """A gateway that stalls, over two links: ten minutes after the first failure, however scrapes and attempts fall.

    No alert about repeated logins: none was answered, and most were not even sent.
    """
    async with SimulatedGateway("fw25_10", clock=clock.clock) as sim:
        proxy = await start(sim, gw_pwd=sim.gw_pwd, timeout=0.1)
        await settled(proxy)
        sim.faults.add(Fault(action="hang"))
        recorded = []
        for _ in range(15 * 60 // SCRAPE_S):
            await pass_time(clock, proxy, SCRAPE_S)
            await proxy.get("/aggregates")
            recorded.append((await proxy.get("/metrics")).text)

    firing = {"severity": "warning", "gateway": "default"}
    summary = (
        "The gateway default has given no usable reply over {} for 10 minutes; GET /health gives the reason."
    )
    test = {
        "rule_files": [str(ROOT / "deploy/prometheus/rules.yml")],
        "evaluation_interval": f"{SCRAPE_S}s",
        "tests": [
            {
                "interval": f"{SCRAPE_S}s",
                "input_series": list(series_of([read(body) for body in recorded])),
                "alert_rule_test": [
                    {"eval_time": "5m", "alertname": "PowerwallGatewayFailing", "exp_alerts": []},
                    {
                        "eval_time": "14m",
                        "alertname": "PowerwallGatewayFailing",
                        "exp_alerts": [
                            {
                                "exp_labels": {**firing, "driver": driver},
                                "exp_annotations": {"summary": summary.format(driver)},
                            }
                            for driver in ("local", "tedapi")
                        ],
                    },
                    {"eval_time": "14m", "alertname": "PowerwallLoginsRepeat", "exp_alerts": []},
                ],
            }
        ],
    }
    (tmp_path / "recorded.yml").write_text(json.dumps(test))
    assert rule_failures(tmp_path / "recorded.yml") == ""


def rule_failures(test) -> str:
    """What ``promtool test rules`` finds wrong."""
    done = subprocess.run(["promtool", "test", "rules", test], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def series_of(scrapes):
    """What promtool calls input series: the values of all scrapes, "_" where there was none."""
    keys = sorted({key for scrape in scrapes for key in scrape if key[0] in RECORDED})
    for name, *labels in keys:
        described = ",".join('{}="{}"'.format(*label.split("=", 1)) for label in labels)
        values = (scrape.get((name, *labels)) for scrape in scrapes)
        written = " ".join("_" if value is None else f"{value:g}" for value in values)
        yield {"series": f"{name}{{{described}}}", "values": written}


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
