"""Which ports are published, and which collisions are refused."""

import pytest

from brics_envs.errors import BAD_INPUT, ConfigError
from brics_envs.plan.ports import Endpoint, Ports, beside, container_ports, hub_api_endpoint, plan_ports

HUB_API = Endpoint("192.0.2.10", 8081)


def loopback(*ports: int) -> tuple[Endpoint, ...]:
    return tuple(Endpoint("127.0.0.1", port) for port in ports)


def test_without_a_local_issuer_there_is_the_sign_in_port_alone() -> None:
    assert plan_ports(8000, None) == Ports(8000)
    assert plan_ports(8000, None).published == loopback(8000)


def test_the_issuer_follows_the_sign_in_port() -> None:
    assert plan_ports(8000, 8005, local_issuer=True).published == loopback(8000, 8090, 8005)


def test_the_issuer_follows_a_forwarded_sign_in_port_too() -> None:
    forwarded = "http://localhost:9000"
    assert beside(forwarded) == "http://localhost:9090"
    assert beside("http://localhost") == "http://localhost:170"
    assert plan_ports(8000, None, local_issuer=True, public_url=forwarded).published == loopback(8000, 8090)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://localhost:7910", "8000"),
        ("http://127.0.0.1:6729", "6819"),
        ("http://localhost:65500", "65590"),
    ],
)
def test_a_forwarded_issuers_port_is_none_of_the_pods(url: str, port: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan_ports(8000, None, local_issuer=True, public_url=url, inside={8000: "routes"})
    assert f"publicUrl: {url}: the issuer's port would be {port}" in caught.value.message


def test_jobs_elsewhere_reach_the_hub_where_they_are_told() -> None:
    assert plan_ports(8000, None, hub_api=HUB_API).published == (*loopback(8000), HUB_API)


def test_behind_a_tunnel_there_is_no_sign_in_port() -> None:
    assert plan_ports(8000, None, tunnel="Zenith").published == ()
    assert plan_ports(8000, None, tunnel="Zenith", hub_api=HUB_API).published == (HUB_API,)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://192.0.2.10:8081", HUB_API),
        ("http://192.0.2.10", Endpoint("192.0.2.10", 80)),
        ("http://[2001:db8::1]:8081", Endpoint("2001:db8::1", 8081)),
        ("http://hub.example.org:8081/jupyter/hub", Endpoint("hub.example.org", 8081)),
    ],
)
def test_the_hubs_api_is_published_on_the_address_of_its_url(url: str, endpoint: Endpoint) -> None:
    assert hub_api_endpoint(url) == endpoint


@pytest.mark.parametrize(
    "host",
    [
        *("0.0.0.0", "0", "0x0", "[::]", "[::ffff:0.0.0.0]"),  # noqa: S104
        *(
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.255.255.254",
            "127.0.1.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
        ),
        *(
            "0177.0.0.1",
            "017700000001",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ),
        *("localhost", "LocalHost", "localhost.", "hub.localhost", "localhost.localdomain", "[::1%25lo]"),
    ],
)
def test_an_api_on_loopback_is_of_no_use_to_jobs_elsewhere(host: str) -> None:
    with pytest.raises(ValueError, match="on loopback"):
        hub_api_endpoint(f"http://{host}:8081")


def test_nothing_can_be_published_with_https() -> None:
    with pytest.raises(ValueError, match="http://ADDRESS:PORT"):
        hub_api_endpoint("https://192.0.2.10:8081")


def test_no_way_past_a_tunnel() -> None:
    with pytest.raises(ConfigError, match="only through its Zenith tunnel"):
        plan_ports(8000, 8005, tunnel="Zenith")


@pytest.mark.parametrize(
    ("port", "direct", "local_issuer", "words"),
    [
        (8000, 8005, False, "sign-in port is the only one"),
        (8000, 8000, True, "--direct-port 8000: is the sign-in port"),
        (8000, 8090, True, "--direct-port 8090: is the issuer's port"),
        (7910, None, True, "would be 8000, which is that of routes in the pod"),
        (6730, None, True, "would be 6820, which is kept for Slurm's nodes"),
        (65500, None, True, "would be 65590, which is above 65535"),
    ],
)
def test_collisions(port: int, direct: int | None, local_issuer: bool, words: str) -> None:
    inside = {8000: "routes", 8090: "issuer"}
    with pytest.raises(ConfigError) as refused:
        plan_ports(port, direct, local_issuer=local_issuer, inside=inside)
    assert words in refused.value.message
    assert refused.value.exit_status == BAD_INPUT


def test_ports_of_a_pod_have_the_manifests_names() -> None:
    containers = [
        {"ports": [{"name": "http", "containerPort": 8010, "hostPort": 80}]},
        {},
        {"ports": [{"name": "ssh", "containerPort": 22}]},
    ]
    assert container_ports({"spec": {"containers": containers}}) == {8010: "http", 22: "ssh"}
