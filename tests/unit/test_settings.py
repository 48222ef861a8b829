"""The environment is read whole: defaults, forms, and one clear line for what cannot be used."""

from pathlib import Path

import pytest

from services.settings import BadSetting, Settings, names, strays

HOME = {"HOME": "/home/ada"}


def read(**environ: str) -> Settings:
    return Settings.read(HOME | environ)


def refusal(**environ: str) -> str:
    with pytest.raises(BadSetting) as refused:
        read(**environ)
    return str(refused.value)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read()
    assert (settings.host, settings.port, settings.grpc_port) == ("127.0.0.1", 8080, 50051)
    assert settings.api_base_url == "https://api.mulerun.com"
    assert settings.oauth_base_url == "https://mulerun.com"
    assert settings.oauth_timeout == 10
    assert settings.job_retention == 7 * 24 * 3600
    assert settings.reaper_interval == 3600
    assert settings.job_hard_cap_mult == 3
    assert settings.image_timeout == 300
    assert (settings.poll_interval, settings.poll_max_interval) == (2, 10)
    assert (settings.usage_retention, settings.usage_buffer) == (30 * 24 * 3600, 1024)
    assert settings.max_body == 64 * 1024 * 1024
    assert (settings.log_level, settings.drain_timeout) == ("info", 10)
    assert settings.api_keys == ()
    assert settings.model_aliases == {}
    assert settings.jobstore_dsn.get_secret_value() == ""


def test_an_empty_value_means_the_default() -> None:
    assert read(CLI2API_PORT="", CLI2API_POLL_INTERVAL="  ") == read()


def test_the_state_dir_follows_the_xdg_specification() -> None:
    assert read().state_dir == Path("/home/ada/.local/state/cli2api")
    assert read(XDG_STATE_HOME="/var/state").state_dir == Path("/var/state/cli2api")
    assert read(XDG_STATE_HOME="relative").state_dir == Path("/home/ada/.local/state/cli2api")
    assert read(CLI2API_STATE_DIR="/srv/gateway").state_dir == Path("/srv/gateway")


def test_the_core_and_the_edge_listen_on_sockets_inside_the_state_dir() -> None:
    settings = read(CLI2API_STATE_DIR="/srv/gateway")
    assert settings.core_listen == settings.core_target == "unix:/srv/gateway/run/core.sock"
    assert settings.edge_listen == "unix:/srv/gateway/run/edge.sock"


def test_a_core_that_listens_everywhere_is_reached_by_loopback() -> None:
    assert read(CLI2API_CORE_LISTEN="0.0.0.0:50052", CLI2API_API_KEYS="k").core_target == "127.0.0.1:50052"


A_URL = "an http or https URL without user or password, as in https://api.mulerun.com"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2s", 2), ("5m", 300), ("168h", 604_800), ("7d", 604_800), ("500ms", 0.5), ("1.5s", 1.5), ("90", 90), ("2 S", 2), ("0", 0)],
)
def test_a_duration_is_written_with_a_unit_or_in_seconds(text: str, seconds: float) -> None:
    assert read(CLI2API_JOB_RETENTION=text).job_retention == seconds


@pytest.mark.parametrize("text", ["-1s", "nan", "inf", "1e400", "5 minutes", "s", "1h30m", "99999999999d", "٣s"])
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    assert refusal(CLI2API_POLL_INTERVAL=text) == (
        f'CLI2API_POLL_INTERVAL is "{text}": takes a duration as in 500ms, 2s, 5m, 168h, 7d, or plain seconds'
    )


def test_a_wait_of_nothing_is_refused_where_it_would_spin() -> None:
    assert refusal(CLI2API_POLL_INTERVAL="0") == 'CLI2API_POLL_INTERVAL is "0": takes a duration of more than 0'


@pytest.mark.parametrize(("text", "size_bytes"), [("64MB", 64 << 20), ("512kb", 512 << 10), ("1GiB", 1 << 30), ("2048", 2048)])
def test_a_size_is_written_with_a_unit_or_in_bytes(text: str, size_bytes: int) -> None:
    assert read(CLI2API_MAX_BODY=text).max_body == size_bytes


@pytest.mark.parametrize("text", ["0", "-1", "lots", "2GB", "1TB", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    assert refusal(CLI2API_MAX_BODY=text).endswith("takes a size from 1KB to 1GB, as in 64MB, or plain bytes")


@pytest.mark.parametrize(
    ("name", "text", "takes"),
    [
        ("CLI2API_PORT", "65536", "takes a whole number from 0 to 65535"),
        ("CLI2API_GRPC_PORT", "http", "takes a whole number from 0 to 65535"),
        ("CLI2API_JOB_HARD_CAP_MULT", "0.5", "takes a number from 1 to 1000"),
        ("CLI2API_JOB_HARD_CAP_MULT", "inf", "takes a number from 1 to 1000"),
        ("CLI2API_USAGE_BUFFER", "0", "takes a whole number from 1 to 1000000"),
        ("CLI2API_LOG_LEVEL", "loud", "takes one of debug, info, warning, error"),
        ("CLI2API_ALLOW_ANONYMOUS", "maybe", "takes 1 or 0"),
        ("MULERUN_API_BASE_URL", "api.mulerun.com", f"takes {A_URL}"),
        ("CLI2API_STATE_DIR", "state", "takes an absolute path"),
        ("CLI2API_CORE_LISTEN", "50051", "takes unix:/absolute/path.sock or host:port"),
        ("CLI2API_CORE_LISTEN", "unix:core.sock", "takes unix:/absolute/path.sock or host:port"),
        ("CLI2API_MODEL_ALIASES", "gpt", 'takes a comma list of alias=model, each alias once; "gpt" does not fit'),
    ],
)
def test_a_bad_value_is_named_with_what_the_variable_takes(name: str, text: str, takes: str) -> None:
    assert refusal(**{name: text}) == f'{name} is "{text}": {takes}'


def test_a_url_with_a_password_is_refused_and_not_shown() -> None:
    assert refusal(MULERUN_API_BASE_URL="https://me:geheim@api.mulerun.com") == f"MULERUN_API_BASE_URL: takes {A_URL}"


def test_every_bad_value_is_named_at_once() -> None:
    line = refusal(CLI2API_PORT="x", CLI2API_MAX_BODY="y")
    assert "CLI2API_PORT" in line
    assert "CLI2API_MAX_BODY" in line
    assert "\n" not in line


def test_a_secret_is_never_shown() -> None:
    assert "geheim" not in refusal(CLI2API_API_KEYS="geheim key")
    settings = read(MULERUN_TOKEN="muk-geheim", CLI2API_API_KEYS="geheim", CLI2API_JOBSTORE_DSN="libsql://h?authToken=geheim")
    assert "geheim" not in repr(settings)


def test_a_state_dir_too_long_for_a_socket_says_what_to_shorten() -> None:
    assert "choose a shorter CLI2API_STATE_DIR" in refusal(CLI2API_STATE_DIR="/" + "x" * 120)


def test_keys_are_a_comma_list_or_lines() -> None:
    assert read(CLI2API_API_KEYS=" one, two,,one\nthree").api_keys == ("one", "two", "three")


def test_aliases_are_pairs() -> None:
    assert read(CLI2API_MODEL_ALIASES="fast=gpt-5.5, art = midjourney").model_aliases == {"fast": "gpt-5.5", "art": "midjourney"}
    assert "each alias once" in refusal(CLI2API_MODEL_ALIASES="a=b,a=c")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "gateway.example"])
def test_an_open_gateway_stays_on_its_own_machine(host: str) -> None:
    assert "CLI2API_ALLOW_ANONYMOUS=1" in refusal(CLI2API_HOST=host)
    assert read(CLI2API_HOST=host, CLI2API_ALLOW_ANONYMOUS="1").host == host
    assert read(CLI2API_HOST=host, CLI2API_API_KEYS="key").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_a_loopback_host_needs_no_key(host: str) -> None:
    assert read(CLI2API_HOST=host).host == host


def test_an_open_core_stays_on_its_own_machine_too() -> None:
    assert refusal(CLI2API_CORE_LISTEN="0.0.0.0:50052").startswith('CLI2API_CORE_LISTEN is "0.0.0.0"')


def test_the_longest_poll_is_no_shorter_than_the_first() -> None:
    assert "takes at least CLI2API_POLL_INTERVAL" in refusal(CLI2API_POLL_MAX_INTERVAL="1s")


def test_one_port_is_not_given_twice() -> None:
    assert "give them different ports" in refusal(CLI2API_PORT="50051")
    assert read(CLI2API_PORT="0", CLI2API_GRPC_PORT="0").port == 0


def test_a_secret_may_come_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("muk-from-file\n", encoding="utf-8")
    assert read(MULERUN_TOKEN_FILE=str(secret)).mulerun_token.get_secret_value() == "muk-from-file"
    assert read(CLI2API_API_KEYS_FILE=str(secret)).api_keys == ("muk-from-file",)


def test_a_secret_that_comes_twice_is_refused(tmp_path: Path) -> None:
    assert "set one of them" in refusal(MULERUN_TOKEN="muk-a", MULERUN_TOKEN_FILE=str(tmp_path / "token"))


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "absent")
    assert refusal(CLI2API_JOBSTORE_DSN_FILE=path) == (
        f'CLI2API_JOBSTORE_DSN_FILE is "{path}", which cannot be read: No such file or directory'
    )


def test_a_misspelt_variable_is_told_with_its_nearest_name() -> None:
    assert strays({"CLI2API_POTR": "80", "CLI2API_PORT": "80", "PATH": "/bin", "CLI2API_API_KEYS_FILE": "/k"}) == [
        "CLI2API_POTR is no setting of this gateway; did you mean CLI2API_PORT?"
    ]
    assert strays({"CLI2API_QQQQQQQQ": ""}) == ["CLI2API_QQQQQQQQ is no setting of this gateway"]


def test_the_environment_of_the_process_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI2API_PORT", "9999")
    assert read().port == 8080


def test_every_setting_has_a_name_of_its_own() -> None:
    assert len(set(names())) == len(names())
    assert all(name.startswith(("CLI2API_", "MULERUN_")) for name in names())
