"""The page's server, over real connections: pictures, state, buttons, and who is refused."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from email.message import Message
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.webcam.camera.capture import CaptureCounts
from edge_infer.webcam.page import access, broadcast, server
from edge_infer.webcam.page.access import host_name, is_own_host, is_own_page
from edge_infer.webcam.page.server import LiveServer
from edge_infer.webcam.view import Command, FeedStatus, View
from tests.edge_infer.webcam.conftest import prediction, wait_until

STATUS = FeedStatus(
    source="cam",
    fps=29.5,
    latencies_ms=(20.0, 25.0),
    answer_ms=18.0,
    counts=CaptureCounts(captured=100, dropped=4, bad=2, faults=1),
    answered=96,
)


def view(grey: int = 128, size: tuple[int, int] = (64, 48)) -> View:
    return View(Image.new("RGB", size, (grey,) * 3), 0.0, prediction(), STATUS)


@pytest.fixture
def sent() -> list[Command]:
    return []


@pytest.fixture
def live(sent: list[Command]) -> Iterator[LiveServer]:
    threads = set(threading.enumerate())
    with closing(LiveServer("127.0.0.1", 0, sent.append)) as live:
        yield live
    wait_until(lambda: set(threading.enumerate()) <= threads)


def address(live: LiveServer) -> tuple[str, int]:
    host, port = live.url.removeprefix("http://").rstrip("/").split(":")
    return host, int(port)


def ask(live: LiveServer, method: str, path: str, **headers: str) -> tuple[int, bytes, HTTPResponse]:
    with closing(HTTPConnection(*address(live), timeout=10)) as connection:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response.status, response.read(), response


class Viewer:
    """One that watches: a connection whose head was read."""

    def __init__(self, live: LiveServer) -> None:
        self._connection = socket.create_connection(address(live), timeout=10)
        self._connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self._reader = self._connection.makefile("rb")
        self.status = int(self._reader.readline().split()[1])
        while self._reader.readline() != b"\r\n":
            pass
        assert self._reader.readline() == b"--frame\r\n"

    def next_picture(self) -> np.ndarray:
        assert self._reader.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(self._reader.readline().removeprefix(b"Content-Length: "))
        assert self._reader.readline() == b"\r\n"
        picture = np.asarray(Image.open(BytesIO(self._reader.read(length))))
        assert self._reader.readline() + self._reader.readline() == b"\r\n--frame\r\n"  # at once, not with the next
        return picture

    def close(self) -> None:
        self._reader.close()
        self._connection.close()


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")]
)
def test_the_page_comes_from_the_package(live: LiveServer, path: str, kind: str) -> None:
    status, body, response = ask(live, "GET", path)
    assert status == 200
    assert response.headers["Content-Type"] == f"{kind}; charset=utf-8"
    file = Path(server.__file__).parent / (path.strip("/") or "index.html")
    assert body == file.read_bytes()


def test_every_answer_keeps_other_sites_out(live: LiveServer) -> None:
    headers = ask(live, "GET", "/")[2].headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "edge-infer"


def test_the_state_says_how_the_feed_is_doing(live: LiveServer) -> None:
    assert json.loads(ask(live, "GET", "/state.json")[1]) == {"state": "starting", "viewers": 0}
    live.show(view())
    assert json.loads(ask(live, "GET", "/state.json")[1]) == {
        "source": "cam",
        "state": "live",
        "turn": 0,
        "fps": 29.5,
        "latency_ms": 25.0,
        "answer_ms": 18.0,
        "latencies_ms": [20.0, 25.0],
        "answered": 96,
        "captured": 100,
        "dropped": 4,
        "bad_frames": 2,
        "faults": 1,
        "recording": None,
        "snapshot": None,
        "trouble": None,
        "map": False,
        "viewers": 0,
        "min_known": None,
        "shows_subject": True,
        "answer": prediction().to_record(),
    }


def test_the_state_says_what_counts_as_none_of_the_classes(live: LiveServer) -> None:
    live.show(replace(view(), prediction=replace(prediction(), known=0.2, min_known=0.5)))
    state = json.loads(ask(live, "GET", "/state.json")[1])
    assert (state["min_known"], state["answer"]["known"], state["answer"]["certain"]) == (0.5, 0.2, False)


def test_a_viewer_gets_each_new_picture(live: LiveServer) -> None:
    live.show(view(40))
    with closing(Viewer(live)) as viewer:
        assert viewer.status == 200
        assert viewer.next_picture().mean() == pytest.approx(40, abs=2)
        live.show(view(200))
        assert viewer.next_picture().mean() == pytest.approx(200, abs=2)
        assert json.loads(ask(live, "GET", "/state.json")[1])["viewers"] == 1
    wait_until(lambda: live.show(view()) or json.loads(ask(live, "GET", "/state.json")[1])["viewers"] == 0)


def test_a_slow_viewer_gets_the_newest_picture_and_holds_nobody_up(live: LiveServer) -> None:
    rng = np.random.default_rng(0)
    noise = [
        View(Image.fromarray(rng.integers(0, 256, (480, 640, 3), np.uint8)), 0.0, prediction(), STATUS)
        for _ in range(4)
    ]
    live.show(view(0))
    with closing(Viewer(live)) as slow, closing(Viewer(live)) as quick:
        began = time.monotonic()
        for i in range(200):  # 60 MB, more than any buffer holds
            live.show(noise[i % 4])
        assert time.monotonic() - began < 1
        live.show(view(250))
        wait_until(lambda: quick.next_picture().mean() > 240)
        taken = 1
        while slow.next_picture().mean() < 240:
            taken += 1
        assert taken < 40


def test_a_picture_is_encoded_once_for_all_viewers_and_never_for_none(
    live: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    save = Image.Image.save
    monkeypatch.setattr(Image.Image, "save", lambda self, *args, **more: (encoded.append(1), save(self, *args, **more)))
    for grey in range(50):
        live.show(view(grey))
    assert encoded == []
    viewers = [Viewer(live) for _ in range(5)]
    for viewer in viewers:
        viewer.next_picture()
    assert len(encoded) == 1
    for viewer in viewers:
        viewer.close()


def test_viewers_beyond_the_limit_are_told_so(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "MAX_VIEWERS", 2)
    live.show(view())
    viewers = [Viewer(live) for _ in range(2)]
    status, body, _ = ask(live, "GET", "/stream.mjpg")
    assert (status, body.decode().split()[1:]) == (503, ["are", "watching", "already"])
    assert ask(live, "GET", "/state.json")[0] == 200
    viewers[0].close()
    wait_until(lambda: live.show(view()) or json.loads(ask(live, "GET", "/state.json")[1])["viewers"] == 1)
    viewers.append(Viewer(live))
    for viewer in viewers:
        viewer.close()


def test_connections_beyond_the_limit_are_closed(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    idle = [socket.create_connection(address(live), timeout=10) for _ in range(3)]
    time.sleep(0.3)
    with closing(socket.create_connection(address(live), timeout=10)) as refused:
        assert refused.recv(1) == b""
    for connection in idle:
        connection.close()
    wait_until(lambda: _answers(live))


def _answers(live: LiveServer) -> bool:
    try:
        return ask(live, "GET", "/state.json")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("command", ["record", "stop-recording", "snapshot", "turn"])
def test_a_button_sends_its_command(live: LiveServer, sent: list[Command], command: Command) -> None:
    host = ":".join(map(str, address(live)))
    status, body, _ = ask(live, "POST", f"/{command}", Origin=f"http://{host}", Sec_Fetch_Site="same-origin")
    assert (status, body, sent) == (202, b"{}", [command])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example"},
    ],
)
def test_another_site_cannot_press_a_button(live: LiveServer, sent: list[Command], headers: dict[str, str]) -> None:
    assert ask(live, "POST", "/snapshot", **headers)[0] == 403
    assert sent == []


@pytest.mark.parametrize("path", ["/", "/state.json", "/stream.mjpg", "/page.js"])
def test_a_name_of_somebody_elses_shows_nothing(live: LiveServer, path: str) -> None:
    status, body, _ = ask(live, "GET", path, Host="evil.example:80")
    assert (status, body) == (403, b"this server is not known by that name; --allow-host NAME admits it\n")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/record", 404),
        ("GET", "/../server.py", 404),
        ("GET", "/page/index.html", 404),
        ("GET", "//etc/passwd", 404),
        ("POST", "/", 404),
        ("POST", "/quit", 404),
        ("PUT", "/snapshot", 501),
    ],
)
def test_there_is_nothing_else(live: LiveServer, sent: list[Command], method: str, path: str, status: int) -> None:
    assert ask(live, method, path)[0] == status
    assert sent == []


@pytest.mark.parametrize(("length", "status"), [("5", 202), ("4097", 413), ("-1", 413), ("many", 413)])
def test_a_button_takes_no_data(live: LiveServer, length: str, status: int) -> None:
    with closing(socket.create_connection(address(live), timeout=10)) as connection:
        connection.sendall(
            f"POST /snapshot HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\nhello".encode()
        )
        assert connection.makefile("rb").readline().split()[1] == str(status).encode()


def test_noise_on_the_port_shows_no_traceback(live: LiveServer, capfd: pytest.CaptureFixture[str]) -> None:
    for noise in (b"\x16\x03\x01\x00\xff\r\n\r\n", b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with closing(socket.create_connection(address(live), timeout=10)) as connection:
            connection.sendall(noise)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset, not closed
    for _ in range(20):
        live.show(view())
        time.sleep(0.01)
    assert ask(live, "GET", "/state.json")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_closing_hangs_up_on_viewers_that_read_and_on_those_that_do_not() -> None:
    threads = threading.active_count()
    live = LiveServer("127.0.0.1", 0, lambda command: None)
    rng = np.random.default_rng(0)
    live.show(view())
    viewers = [Viewer(live) for _ in range(6)]
    idle = socket.create_connection(address(live))
    for _ in range(20):
        live.show(View(Image.fromarray(rng.integers(0, 256, (480, 640, 3), np.uint8)), 0.0, prediction(), STATUS))
        time.sleep(0.01)
    began = time.monotonic()
    live.close()
    assert time.monotonic() - began < 1
    wait_until(lambda: threading.active_count() == threads, 2)
    for viewer in viewers:
        viewer.close()
    idle.close()


def test_a_port_that_is_taken_is_an_os_error(live: LiveServer) -> None:
    with pytest.raises(OSError, match="in use"):
        LiveServer(*address(live), lambda command: None)


def test_it_listens_on_ipv6_too() -> None:
    with closing(LiveServer("::1", 0, lambda command: None)) as live:
        assert live.url.startswith("http://[::1]:")
        with closing(HTTPConnection("::1", int(live.url.rstrip("/").rpartition(":")[2]), timeout=10)) as connection:
            connection.request("GET", "/state.json")
            assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:9",
        "192.168.1.5:80",
        "[::1]:8080",
        "[fe80::1]",
        "[fe80::1%25wlan0]:8080",
    ],
)
def test_addresses_and_own_names_are_own_hosts(host: str) -> None:
    assert is_own_host(host)


def test_the_machines_name_is_an_own_host() -> None:
    name = socket.gethostname()
    assert is_own_host(name)
    assert is_own_host(f"{name}.local:8080")


@pytest.fixture
def raspberry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A machine called raspberrypi, or as it is called then."""

    def call(name: str) -> None:
        monkeypatch.setattr(access.socket, "gethostname", lambda: name)
        access._own_names.cache_clear()
        access._own_domains.cache_clear()

    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 Pi.example.net raspberrypi # me\n10.0.0.9 nas\n")
    (tmp_path / "resolv.conf").write_text("nameserver 10.0.0.1\nsearch attlocal.net corp.example.com. com\n")
    monkeypatch.setattr(access, "_HOSTS", tmp_path / "hosts")
    monkeypatch.setattr(access, "_RESOLVER", tmp_path / "resolv.conf")
    call("raspberrypi")
    yield call
    access._own_names.cache_clear()
    access._own_domains.cache_clear()


OWN_HOSTS = (
    *("raspberrypi:8080", "raspberrypi.local:8080", "RaspberryPi.local", "raspberrypi.local.:8080"),
    *("raspberrypi.lan:8080", "raspberrypi.fritz.box:8080", "raspberrypi.home:8080", "raspberrypi.tail1234.ts.net"),
    *("raspberrypi.attlocal.net", "raspberrypi.corp.example.com", "raspberrypi.internal", "raspberrypi.home.arpa"),
    *("pi.example.net", "localhost.localdomain", "raspberrypi."),
)
FOREIGN_HOSTS = (
    *("raspberrypi.evil.example", "raspberrypi.local.evil.example", "raspberrypievil.local", "raspberrypi-evil.lan"),
    *("raspberrypi.com", "raspberrypi.evilattlocal.net", "evil.raspberrypi.local", "evil.lan", "cam.example.org"),
    *(
        "nas",
        "pi.evil.example",
        "x.pi.example.net",
        ".raspberrypi.local",
        "raspberrypi.ts.net.evil",
    ),
)


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_the_machines_name_under_a_domain_of_its_network_is_an_own_host(
    raspberry: Callable[[str], None], host: str
) -> None:
    assert is_own_host(host)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_name_that_only_looks_like_the_machines_is_not(raspberry: Callable[[str], None], host: str) -> None:
    assert not is_own_host(host)


@pytest.mark.parametrize("name", ["raspberrypi.lan", "raspberrypi.evil.example", "RASPBERRYPI"])
def test_a_system_that_calls_itself_by_a_whole_name_is_known_by_the_short_one_too(
    raspberry: Callable[[str], None], name: str
) -> None:
    raspberry(name)
    assert all(
        is_own_host(host) for host in (name, "raspberrypi:8080", "raspberrypi.local:8080", "raspberrypi.fritz.box")
    )


def test_names_can_be_admitted(live: LiveServer, sent: list[Command]) -> None:
    admitted = {host_name("Cam.Example.org")}
    assert is_own_host("cam.example.org:443", admitted)
    assert not is_own_host("x.cam.example.org", admitted)
    with closing(LiveServer("127.0.0.1", 0, sent.append, admitted)) as proxied:
        assert ask(proxied, "GET", "/state.json", Host="cam.example.org")[0] == 200
        assert ask(proxied, "GET", "/state.json", Host="evil.example")[0] == 403
        # Behind a proxy that speaks TLS, and one that names this server as it knows it itself.
        for host in ("cam.example.org", "localhost:8080"):
            assert ask(proxied, "POST", "/snapshot", Host=host, Origin="https://cam.example.org")[0] == 202
        for origin in ("https://evil.example", "https://cam.example.org:8443"):
            assert ask(proxied, "POST", "/snapshot", Host="localhost", Origin=origin)[0] == 403
    assert sent == ["snapshot"] * 2
    assert ask(live, "POST", "/snapshot", Host="localhost", Origin="https://cam.example.org")[0] == 403


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Cam.example.org.", "cam.example.org"),
        ("Küche.lan", "xn--kche-0ra.lan"),
        ("cam_1", "cam_1"),
        ("10.0.0.2", "10.0.0.2"),
        *(
            (text, None)
            for text in ("", ".", "cam:80", "http://cam", "*.lan", "a b", "me@cam", "x" * 64, "a..b", "[::1]")
        ),
    ],
)
def test_host_names_are_taken_as_requests_have_them(text: str, name: str | None) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", ":80", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "[::1", "a b"),
        *("0x7f.1", "[fe80::1.evil.example]", "127.0.0.1@evil.example", "."),
    ],
)
def test_other_names_are_not(host: str | None) -> None:
    assert not is_own_host(host)


def test_a_program_without_an_origin_may_press_buttons() -> None:
    headers = Message()
    headers["Host"] = "localhost:8080"
    assert is_own_page(headers)


def test_the_button_for_the_map_toggles_it(live: LiveServer, sent: list[Command]) -> None:
    assert ask(live, "POST", "/map")[:2] == (202, b"{}")
    assert sent == ["toggle-map"]
