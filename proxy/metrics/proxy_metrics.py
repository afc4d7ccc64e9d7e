"""PROXY_METRICS: the metrics of the proxy itself, one row each.

Labels come from tables (routes, sources, drivers, error codes), never from what a client
or a gateway sent. What is ``of_feature`` is counted by one that may be absent.
"""

from __future__ import annotations

from typing import Final

from proxy.features import features
from proxy.metrics import proxy_samples as running
from proxy.metrics.families import HISTOGRAM, Family, counter, gauge
from proxy.metrics.proxy_samples import Running, of_feature, of_links

PROXY_METRICS: Final[tuple[Family[Running], ...]] = (
    gauge("proxy_build_info", "version python aiohttp", "Versions; always 1", running.build),
    gauge("proxy_start_timestamp_seconds", "", "When the proxy started", lambda r: (((), r.started_at),)),
    counter("proxy_requests_total", "route method status", "Requests answered", running.requests),
    Family(
        "powerwall_proxy_request_seconds",
        HISTOGRAM,
        ("route", "cache"),
        "Duration of requests",
        running.seconds,
    ),
    gauge("proxy_requests_in_flight", "", "Requests in progress", lambda r: (((), r.traffic.in_flight),)),
    counter("proxy_response_bytes_total", "route", "Bytes of bodies sent to clients", running.sent),
    counter("proxy_cache_total", "source result", "Cache look-ups by source and result", running.cache),
    gauge("proxy_cache_entries", "", "Snapshots held", running.entries),
    gauge("proxy_cache_bytes", "", "Bytes of snapshots held", running.held),
    gauge(
        "proxy_snapshot_age_seconds",
        "gateway source",
        "Age of a snapshot, also of one too old to be served",
        running.ages,
    ),
    counter(
        "proxy_exchanges_total",
        "gateway driver exchange outcome",
        "Exchanges with the gateway by outcome; one may take several requests",
        running.exchanges,
    ),
    Family(
        "powerwall_proxy_exchange_seconds",
        HISTOGRAM,
        ("gateway", "driver"),
        "Duration of exchanges with the gateway",
        of_links(lambda link: link.seconds),
    ),
    gauge(
        "proxy_exchanges_in_flight",
        "gateway driver",
        "Exchanges with the gateway in progress",
        of_links(lambda link: link.in_flight),
    ),
    counter(
        "proxy_upstream_bytes_total",
        "gateway driver direction",
        "Bytes of bodies exchanged with the gateway",
        running.upstream_bytes,
    ),
    counter(
        "proxy_coalesced_total",
        "gateway",
        "Requests that joined a running exchange",
        lambda r: (((g.name,), g.coalesced) for g in r.gateways),
    ),
    gauge(
        "proxy_coalesced_waiters",
        "gateway",
        "Requests waiting for an exchange",
        lambda r: (((g.name,), g.waiting) for g in r.gateways),
    ),
    counter(
        "proxy_logins_total", "gateway driver outcome", "Logins to the gateway by outcome", running.logins
    ),
    gauge(
        "proxy_month_reads",
        "gateway driver",
        "Requests for readings that were sent to the cloud this month",
        running.month("reads"),
    ),
    gauge(
        "proxy_month_commands",
        "gateway driver",
        "Commands that were sent to the cloud this month",
        running.month("commands"),
    ),
    gauge(
        "proxy_month_budget", "gateway driver", "Requests a month (PW_CLOUD_BUDGET)", running.month("budget")
    ),
    gauge(
        "proxy_month_reads_left",
        "gateway driver",
        "Requests for readings that the budget leaves this month",
        running.month("left"),
    ),
    gauge(
        "proxy_month_stretch_ratio",
        "gateway driver",
        "How many times longer than planned intervals are, so that the month's requests last",
        running.month("stretch"),
    ),
    gauge(
        "proxy_session_start_timestamp_seconds",
        "gateway driver",
        "When the session with the gateway was created",
        running.sessions,
    ),
    gauge(
        "proxy_link_state",
        "gateway driver state",
        "State of the connection: 1 for the current one",
        running.states,
    ),
    gauge(
        "proxy_cooldown_seconds",
        "gateway driver",
        "Seconds until the cooldown of the gateway ends",
        running.cooldown,
    ),
    counter(
        "proxy_cooldowns_total",
        "gateway driver reason",
        "Cooldowns of the gateway by cause",
        running.cooldowns,
    ),
    gauge(
        "proxy_source_rest_seconds",
        "gateway source",
        "Seconds until the cooldown of a source ends",
        running.source_cooldowns,
    ),
    gauge(
        "proxy_failures_in_row",
        "gateway driver",
        "Failed exchanges with the gateway since its last reply",
        of_links(lambda link: link.failures_in_row),
    ),
    gauge(
        "proxy_last_success_timestamp_seconds",
        "gateway driver",
        "Time of the last reply of the gateway",
        running.successes,
    ),
    counter(
        "proxy_commands_total",
        "gateway command outcome",
        "Control commands by outcome",
        of_feature("commands_total"),
    ),
    gauge("proxy_event_streams", "", "Live event streams open", of_feature("event_streams")),
    counter(
        "proxy_events_dropped_total",
        "",
        "Events replaced by a newer one before a slow client received them",
        of_feature("events_dropped_total"),
    ),
    counter(
        "proxy_assets_total",
        "result",
        "Files of the gateway's web app by how they were served",
        of_feature("assets_total"),
    ),
    gauge("proxy_asset_cache_bytes", "", "Bytes held of these files", of_feature("asset_cache_bytes")),
    gauge("proxy_connections", "", "Open client connections", of_feature("connections")),
    counter(
        "proxy_connections_refused_total",
        "",
        "Connections refused because PW_MAX_CONNECTIONS were open",
        of_feature("connections_refused_total"),
    ),
    counter(
        "proxy_tokens_refused_total",
        "realm reason",
        "Wrong tokens (control, OpenC2) and passwords (login), and those not checked because of too many attempts",
        of_feature("tokens_refused_total"),
    ),
    counter(
        "proxy_implausible_values_total",
        "gateway metric",
        "Values of the gateway that a scrape left out: a counter below zero, or not finite",
        lambda r: r.implausible.items(),
    ),
    counter("proxy_log_records_total", "level", "Log lines written", running.log_records),
    gauge(
        "proxy_collect_seconds", "", "Duration of the previous scrape", lambda r: (((), r.collect_seconds),)
    ),
    *(family for feature in features() for family in feature.metrics()),
)
