"""Signing in with a browser elsewhere: the address to open, what is pasted back, and what becomes of it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from proxy.core.cloud_errors import SignInRequired
from proxy.core.errors import GatewayError
from proxy.drivers.cloud.enrolment import (
    OWNER_APPLICATION,
    Attempt,
    exchange,
    fleet_application,
    missing_scopes,
    new_key,
    published,
    register,
    sites,
)
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.sim.cloud.sign_in import FLEET, FLEET_SECRET
from tests.drivers.cloud.conftest import EMAIL, trusting


@pytest.fixture
async def http(cloud, clock):
    http = CloudHttp(clock.clock.monotonic, timeout_s=5.0, tls=trusting(cloud))
    yield http
    await http.close()


@pytest.fixture
def endpoint(cloud, http, clock):
    return TokenEndpoint(http, f"{cloud.url}/oauth2/v3/token", clock.clock.wall, trusting(cloud))


@pytest.fixture
def fleet(cloud):
    return fleet_application(FLEET, FLEET_SECRET, "https://example.com/access", cloud.url)


@pytest.fixture
async def browse(cloud):
    """The owner's browser: agrees, and gives the address that it was sent to."""

    async def browse(address: str) -> str:
        async with aiohttp.ClientSession() as browser:
            answer = await browser.get(address, ssl=trusting(cloud), allow_redirects=False)
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]

    return browse


async def test_an_owner_signs_in_by_pasting_the_address_that_the_browser_could_not_open(
    cloud, endpoint, http, browse, clock
):
    attempt = Attempt.new()
    landed = await browse(attempt.url(OWNER_APPLICATION, cloud.url, EMAIL))

    tokens = await exchange(endpoint, OWNER_APPLICATION, attempt, attempt.code(f"  {landed}\n"))

    assert landed.startswith("tesla://auth/callback?")
    assert list(await sites(http, cloud.url, tokens.access, clock.clock.wall())) == [cloud.site.site_id]
    assert tokens.refresh.startswith("NA_")


async def test_an_application_signs_in_with_its_secret_and_all_permissions(cloud, endpoint, fleet, browse):
    attempt = Attempt.new()
    address = attempt.url(fleet, cloud.url)
    tokens = await exchange(endpoint, fleet, attempt, attempt.code(await browse(address)))

    query = parse_qs(urlsplit(address).query)
    assert query["prompt_missing_scopes"] == ["true"]
    assert missing_scopes(tokens) == []
    assert FLEET_SECRET not in address


async def test_a_permission_that_was_not_given_is_named(cloud, clock):
    given = cloud.sign_in.log_in(clock.clock.wall(), FLEET, ("openid", "energy_device_data"))
    from proxy.drivers.cloud.tokens import Tokens

    assert missing_scopes(Tokens(given["access_token"])) == ["energy_cmds"]
    assert missing_scopes(Tokens("no JWT")) == []


async def test_a_code_is_good_once(cloud, endpoint, browse):
    attempt = Attempt.new()
    code = attempt.code(await browse(attempt.url(OWNER_APPLICATION, cloud.url)))
    await exchange(endpoint, OWNER_APPLICATION, attempt, code)

    with pytest.raises(SignInRequired, match="good once"):
        await exchange(endpoint, OWNER_APPLICATION, attempt, code)


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "nothing"),
        ("tesla://auth/callback?code=c&state=another", "another attempt"),
        ("tesla://auth/callback?error=access_denied&state=s", "access_denied"),
        ("https://example.com/access", "no code"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(pasted, words):
    with pytest.raises(ValueError, match=words):
        Attempt("s", "v").code(pasted)


def test_the_code_alone_is_enough():
    assert Attempt("s", "v").code(" NA_abc ") == "NA_abc"
    assert Attempt("s", "v").code("https://example.com/access?code=NA_abc&state=s") == "NA_abc"


async def test_a_domain_is_registered_as_often_as_one_likes(cloud, endpoint, http, fleet):
    cloud.account.must_register = True

    first = await register(endpoint, http, fleet, "example.com")
    again = await register(endpoint, http, fleet, "example.com")

    assert cloud.account.domains == {"example.com"}
    assert first["partner_account"] == again["partner_account"]
    assert first["partner_account"]["response"]["domain"] == "example.com"


async def test_a_wrong_secret_registers_nothing(cloud, endpoint, http):
    stranger = fleet_application(FLEET, "another secret", "https://example.com/access", cloud.url)

    with pytest.raises(GatewayError) as caught:
        await register(endpoint, http, stranger, "example.com")

    assert cloud.account.domains == set()
    assert "another secret" not in str(caught.value)


async def test_a_domain_without_a_key_is_said_to_have_none(http, cloud):
    """Nor is a page a key, nor a domain that is not there a place for one."""
    domain = urlsplit(cloud.url).netloc

    with pytest.raises(GatewayError, match="404"):
        await published(http, domain)
    cloud.public_key = b"<html>welcome</html>"
    with pytest.raises(GatewayError, match="not a public key"):
        await published(http, domain)
    with pytest.raises(GatewayError):
        await published(http, "127.0.0.1:1")


async def test_a_key_that_is_published_is_found(http, cloud):
    _, cloud.public_key = new_key()

    assert await published(http, urlsplit(cloud.url).netloc) == cloud.public_key


def test_a_key_is_a_pair_on_the_curve_that_tesla_takes():
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    private, public = new_key()

    key = load_pem_private_key(private, None)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == load_pem_public_key(public)
