"""v1r: signed reading and writing over the wired network, and the Wi-Fi beside it."""

from __future__ import annotations

import gzip

import aiopowerwall.exceptions
import pytest
from tesla_protocol.energy_device import transport_pb2

from proxy.core.errors import (
    BadAnswer,
    CommandRejected,
    GatewayError,
    LoginRejected,
    NotSupported,
    OutcomeUnknown,
    RateLimited,
    SourceUnavailable,
    Unreachable,
)
from proxy.core.model import Command, Setting
from proxy.drivers.base import Controllable
from proxy.drivers.signed import document, translated
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.sim.tedapi.state import KeyState
from tests.clock import pass_time
from tests.drivers.houses import FULL, Key, knows, link

SIGNED = "/tedapi/v1r"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return Key(tmp_path_factory.mktemp("key"))


@pytest.fixture
async def gateway(clock, key):
    """A Powerwall 3 with a follower that knows the key."""
    async with SimulatedGateway("pw3", clock=clock.clock, followers=1) as sim:
        knows(sim, key)
        yield sim


@pytest.fixture
async def driver(gateway, start, key):
    proxy = await start(gateway, **key.settings())
    return proxy.context.gateway.links[0].driver


class TestReading:
    async def test_one_round_is_a_login_and_four_signed_questions(self, gateway, start, key, clock):
        proxy = await start(gateway, **key.settings())

        for path in ("/aggregates", "/soe", "/vitals", "/freq", "/pod", "/strings"):
            assert (await proxy.get(path)).status == 200
        cold = gateway.requests_for(SIGNED)
        clock.advance(6)
        await proxy.get("/aggregates")

        assert gateway.logins == 1
        assert cold == 4  # configuration, firmware, controller, components
        assert gateway.requests_for(SIGNED) == cold + 2
        assert gateway.max_connections == 1

    async def test_followers_need_the_wifi(self, gateway, start, key):
        """The leader answers for itself only; what the others would say is said to be missing."""
        leader, follower = gateway.gateway.units
        proxy = await start(gateway, **key.settings())

        vitals = (await proxy.get("/vitals")).json()
        health = (await proxy.get("/health")).json()

        assert f"TEPINV--{leader}" in vitals
        assert f"TEPINV--{follower}" not in vitals
        assert "PW_WIFI_HOST" in link(health, "v1r")["units_silent"][follower]

    async def test_with_the_wifi_every_unit_is_there(self, gateway, start, key):
        proxy = await start(gateway, **key.settings(wifi_host=gateway.address))

        vitals = (await proxy.get("/vitals")).json()

        assert {f"TEPINV--{din}" for din in gateway.gateway.units} <= set(vitals)
        assert gateway.requests_for(SIGNED) == 4

    async def test_it_tells_what_the_wifi_tells(self, gateway, start, key):
        """The same questions, the same signals: temperatures and fans of the unit among them."""
        leader = gateway.din
        wired, wireless = await start(gateway, **key.settings()), await start(gateway, **FULL)

        told = [(await proxy.get("/vitals")).json()[f"TEPINV--{leader}"] for proxy in (wired, wireless)]

        assert told[0] == told[1]
        assert {"PCH_AmbientTemp", "PCH_FanSpeed_A", "PCH_FanSpeed_B"} <= set(told[0])

    async def test_the_load_on_the_gateway_is_told(self, gateway, start, key):
        proxy = await start(gateway, **key.settings(wifi_host=gateway.address))
        await proxy.get("/vitals")

        load = (await proxy.get("/stats")).json()["gateway"]

        assert load["requests"] == load["requests_per_minute"] == len(gateway.requests)
        assert (load["exchanges"], load["logins"], load["logins_refused"]) == (1, 1, 0)

    async def test_a_lost_wifi_costs_the_followers_and_not_the_wire(self, gateway, start, key, clock):
        """They rest for a minute, so that what can be had is not held up."""
        leader, follower = gateway.gateway.units
        proxy = await start(gateway, **key.settings(wifi_host="127.0.0.1:9"))

        assert (await proxy.get("/aggregates")).json()["solar"]["instant_power"] is not None
        vitals = (await proxy.get("/vitals")).json()
        health = (await proxy.get("/health")).json()

        assert f"TEPINV--{leader}" in vitals
        assert f"TEPINV--{follower}" not in vitals
        assert link(health, "v1r")["state"] == "closed"
        assert (
            "over the Wi-Fi: 127.0.0.1:9 cannot be reached" in link(health, "v1r")["units_silent"][follower]
        )

    async def test_the_wifi_stands_in_for_the_wire(self, gateway, start, key, clock):
        proxy = await start(gateway, **key.settings(wifi_host=gateway.address))
        gateway.answers(status=500, path=SIGNED)

        answer = await proxy.get("/aggregates")

        assert answer.status == 200
        health = (await proxy.get("/health")).json()
        assert "500" in link(health, "v1r")["resting"]["controller"]["reason"]
        signed = gateway.requests_for(SIGNED)
        gateway.heals()
        await pass_time(clock, proxy, 12)
        assert (await proxy.get("/aggregates")).status == 200
        assert gateway.requests_for(SIGNED) > signed

    async def test_the_certificate_is_pinned_although_the_library_does_not_care(
        self, gateway, start, key, clock
    ):
        proxy = await start(gateway, **key.settings())
        await proxy.get("/soe")
        asked = len(gateway.requests)

        gateway.renew_certificate()
        clock.advance(31)
        answer = await proxy.get("/soe")

        assert answer.status == 503
        assert "another certificate" in answer.json()["detail"]
        assert len(gateway.requests) == asked


class TestTrouble:
    @pytest.mark.parametrize(
        ("state", "says"),
        [
            (KeyState.REMOVED, "not registered"),
            (KeyState.INACTIVE, "not confirmed"),
            (KeyState.PENDING, "not verified"),
        ],
    )
    async def test_a_key_that_the_gateway_does_not_take_is_a_clear_state(
        self, gateway, start, key, state, says
    ):
        knows(gateway, key, state)
        proxy = await start(gateway, **key.settings())

        answers = [await proxy.get("/soe") for _ in range(5)]
        health = (await proxy.get("/health")).json()

        assert {answer.status for answer in answers} <= {502, 503}
        assert says in answers[0].json()["detail"]
        assert says in link(health, "v1r")["reason"]
        assert gateway.logins == 1

    @pytest.mark.parametrize(
        ("fault", "says"),
        [
            ("WRONG_PERSONALIZATION", "another gateway"),
            ("TIME_EXPIRED", "clock"),
            ("INVALID_SIGNATURE", "signature"),
            ("BUSY", "busy"),
            ("KEYCHAIN_IS_FULL", "does not take the message"),
        ],
    )
    async def test_a_fault_of_a_signed_message_is_told_in_words(self, gateway, start, key, fault, says):
        gateway.tedapi.fault = fault
        proxy = await start(gateway, **key.settings())

        answer = await proxy.get("/soe")

        assert answer.status in {502, 503}
        assert says in answer.json()["detail"]
        assert fault in answer.json()["detail"]

    @pytest.mark.parametrize("part", ["sender", "firmware"])
    async def test_an_answer_of_another_gateway_is_not_taken(self, part):
        """The signature is ours; the reply says who made it."""
        reply = transport_pb2.MessageEnvelope()
        said_by = reply.sender if part == "sender" else reply.common.get_system_info_response
        said_by.din = "1707000-11-J--TG2"

        with pytest.raises(LoginRejected, match="another gateway"):
            document("firmware", reply.SerializeToString(), "1707000-11-J--TG1")

    async def test_what_is_compressed_twice_is_not_unpacked_twice(self, gateway, start, key):
        """A megabyte can hold a gigabyte."""
        bomb = gzip.compress(gzip.compress(bytes(1024 * 1024)))
        gateway.answers(status=200, body=bomb, path=SIGNED)
        proxy = await start(gateway, **key.settings())

        answer = await proxy.get("/soe")

        assert answer.status == 502
        assert "compressed twice" in answer.json()["detail"]

    async def test_a_wrong_password_is_tried_once(self, gateway, start, key):
        proxy = await start(gateway, **key.settings(gw_pwd="ABCDEFGHIX"))

        answers = [await proxy.get("/soe") for _ in range(5)]
        load = (await proxy.get("/stats")).json()["gateway"]

        assert {answer.status for answer in answers} <= {502, 503}
        assert gateway.logins == load["logins"] == load["logins_refused"] == 1

    async def test_a_key_file_that_is_gone_is_a_state_and_not_the_end(self, gateway, start, key, tmp_path):
        proxy = await start(gateway, **key.settings(rsa_key_path=str(tmp_path / "gone.pem")))

        answer = await proxy.get("/soe")

        assert answer.status == 502
        assert "cannot be read" in answer.json()["detail"]
        assert gateway.requests == []

    async def test_every_exception_of_the_library_has_a_name_of_ours(self):
        """A new one in a later version must not fall through unseen."""
        expected = {
            "PowerwallError": BadAnswer,
            "PowerwallConnectionError": Unreachable,
            "PowerwallAuthenticationError": LoginRejected,
            "PowerwallRateLimitError": RateLimited,
            "PowerwallProtocolError": BadAnswer,
            "PowerwallFaultError": SourceUnavailable,
            "PowerwallCommandError": CommandRejected,
            "PowerwallNotSupportedError": NotSupported,
        }
        arguments = {
            "PowerwallFaultError": ("MESSAGEFAULT_ERROR_BUSY",),
            "PowerwallCommandError": ("write", 3, "no"),
            "PowerwallNotSupportedError": ("write", 12, "no"),
        }
        classes = {
            name: kind
            for name, kind in vars(aiopowerwall.exceptions).items()
            if isinstance(kind, type) and issubclass(kind, BaseException)
        }

        assert {
            name: type(translated(kind(*arguments.get(name, ("said",))))) for name, kind in classes.items()
        } == expected
        assert all(issubclass(kind, GatewayError) for kind in expected.values())


class TestWriting:
    async def test_it_can_write(self, driver):
        assert isinstance(driver, Controllable)

    async def test_mode_and_reserve_are_one_write(self, gateway, driver):
        """Two writes could leave the house with one of them."""
        outcome = await driver.execute(Command({Setting.RESERVE: 50, Setting.MODE: "backup"}))

        assert (gateway.plant.reserve, gateway.plant.mode) == (52.5, "backup")
        assert len(gateway.writes) == 1
        assert outcome.values == {Setting.RESERVE: pytest.approx(50), Setting.MODE: "backup"}

    async def test_grid_charging_and_export_rule(self, gateway, driver):
        outcome = await driver.execute(Command({Setting.GRID_CHARGING: True, Setting.GRID_EXPORT: "never"}))

        assert (gateway.plant.grid_charging, gateway.plant.export) == (True, False)
        assert outcome.values == {Setting.GRID_CHARGING: True, Setting.GRID_EXPORT: "never"}

    async def test_a_full_backup_and_its_end(self, gateway, driver):
        await driver.execute(Command({Setting.MAX_BACKUP: 60}))
        told = await driver.fetch("backup_events")
        await driver.execute(Command({Setting.MAX_BACKUP: 0}))

        assert told["/tedapi/backup_events"].value["manual_backup"]["duration_seconds"] == 60
        assert gateway.tedapi.backup is None

    async def test_somebody_elses_change_is_kept(self, gateway, driver):
        """The hash tells that the file changed between reading and writing: all is done once more."""
        raced = []

        def race(kind, document):
            if kind == "config" and not raced:
                raced.append(True)
                gateway.tedapi.config = {**document, "strategy": {"by": "somebody else"}}
            return document

        gateway.tedapi.edit = race
        await driver.execute(Command({Setting.RESERVE: 30}))

        assert gateway.plant.reserve == 33.5
        assert gateway.tedapi.config["strategy"] == {"by": "somebody else"}
        assert len(gateway.writes) == 2

    async def test_a_refused_configuration_is_a_rejected_command(self, gateway, driver):
        with pytest.raises(CommandRejected):
            await driver.execute(Command({Setting.MODE: "party"}))

        assert gateway.plant.mode == "self_consumption"

    async def test_a_write_without_an_answer_is_never_repeated(self, gateway, driver):
        """The connection breaks after the gateway has carried it out: nobody can know here."""

        def then_break(kind, document):
            if kind == "config":
                gateway.faults.add(Fault(SIGNED, action="reset", after=True, times=1))
            return document

        gateway.tedapi.edit = then_break

        with pytest.raises(OutcomeUnknown):
            await driver.execute(Command({Setting.RESERVE: 30}))

        assert gateway.plant.reserve == 33.5
        assert len(gateway.writes) == 1

    async def test_clients_set_it_through_the_routes_of_control(self, gateway, start, key):
        """The write goes over the wire although the Wi-Fi is there, and shows at once."""
        secret = "a long enough secret"
        proxy = await start(gateway, control_secret=secret, **key.settings(wifi_host=gateway.address))
        assert (await proxy.get("/control/reserve")).json() == {"reserve": pytest.approx(20)}

        answers = [
            await proxy.post(f"/control/{what}", data={"value": value, "token": secret})
            for what, value in (
                ("reserve", "30"),
                ("mode", "backup"),
                ("grid_charging", "true"),
                ("grid_export", "pv_only"),
                ("max_backup", "3600"),
            )
        ]

        assert [answer.status for answer in answers] == [200] * 5
        assert (gateway.plant.reserve, gateway.plant.mode) == (33.5, "backup")
        assert (gateway.plant.grid_charging, gateway.tedapi.backup.duration_s) == (True, 3600)
        assert (await proxy.get("/control/reserve")).json() == {"reserve": pytest.approx(30)}
        assert (await proxy.get("/control/mode")).json() == {"mode": "backup"}
        assert (await proxy.get("/control/grid_charging")).json() == {"grid_charging": True}
        assert (await proxy.get("/control/grid_export")).json() == {"grid_export": "pv_only"}
        held = (await proxy.get("/control/max_backup")).json()
        assert held["manual_backup"]["duration_seconds"] == 3600
        assert (await proxy.get("/api/operation")).json()["backup_reserve_percent"] == 33.5

    async def test_reading_never_writes(self, gateway, driver):
        for exchange in ("controller", "config", "status", "backup_events"):
            await driver.fetch(exchange)

        assert gateway.writes == []
